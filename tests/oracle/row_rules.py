"""Rules about single rows: what is claimed of each is true, and what was sent for it was right."""

import bisect
import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from http import HTTPStatus

from jobs.model import Status
from tests.kit.records import Record
from tests.oracle.case import Asked, Case, Claim, Violation
from tests.oracle.evidence import Evidence, is_no, is_yes, same

# Answers cross on their way: what the last of them was is known only roughly.
_RECENT = 4
# How old a read may be that a PUT relies on, and how long a request may be on its way.
_FRESH_S, _ON_ITS_WAY_S = 5.0, 1.0
_ABSENT = frozenset({400, 404})
_NOT_CHANGED = frozenset(
    {Status.REJECTED, Status.DRIFTED, Status.INVALID, Status.FAILED, Status.NOT_ATTEMPTED},
)
_NOTHING_SENT = frozenset({Status.UNCHANGED, Status.DRIFTED, Status.INVALID})


def _pairs(case: Case) -> Iterator[tuple[Asked, Claim]]:
    return zip(case.asked, case.claims, strict=False)


def done_is_true(case: Case, evidence: Evidence) -> Iterator[Violation]:
    """I3: whatever is called done has its proof on record, and the service still shows the key."""
    for asked, claim in _pairs(case):
        flaw = _flaw_of_done(asked, claim, case, evidence)
        if flaw is not None:
            yield Violation(rule="I3", row=asked.row, reason=f"{claim.status}, but {flaw}")
        elif claim.status.group.value == "done" and asked.place not in case.others:
            shown = evidence.key_at_last(asked.place) if case.after is None else case.after.get(asked.place)
            if not same(shown, asked.kms_key_id):
                yield Violation(rule="I3", row=asked.row, reason=f"{claim.status}, but in the end {shown} is shown")


def _flaw_of_done(asked: Asked, claim: Claim, case: Case, evidence: Evidence) -> str | None:
    puts, reads = evidence.puts(asked.place), evidence.reads(asked.place)
    match claim.status:
        case Status.UPDATED:
            proven = any(is_yes(put) and put.applied and same(put.kms_key_id, asked.kms_key_id) for put in puts)
            return None if proven else "no PUT of this key was answered 200 as a whole"
        case Status.VERIFIED:
            last = puts[-1].n if puts else 0
            proven = any(read.n > last and evidence.shows(read, asked.place, asked.kms_key_id) for read in reads)
            return None if proven else "no read after its last PUT shows this key"
        case Status.UNCHANGED:
            if sent := _too_much(asked, claim, case, evidence):
                return f"PUT {sent[0].n} was sent for it"
            last = puts[-1].n if puts else 0
            proven = any(read.n > last and evidence.shows(read, asked.place, asked.kms_key_id) for read in reads)
            return None if proven else "no read shows this key"
        case _:
            return None


def _too_much(asked: Asked, claim: Claim, case: Case, evidence: Evidence) -> list[Record]:
    """The PUTs of a row that says that nothing of it was done. It has none, but for those that were refused before a
    read showed its own key, and, where somebody else has changed its secret, those that were not applied or undone.
    """
    puts = evidence.puts(asked.place)
    if claim.status is Status.UNCHANGED:
        puts = [put for put in puts if put.applied or not is_no(put)]
    if asked.place not in case.others:
        return list(puts)
    return [put for put in puts if put.applied and not _undone(put, asked, case)]


def key_before_was_shown(case: Case, evidence: Evidence) -> Iterator[Violation]:
    """I21: what is reported of a row's key before is what the service showed before our first PUT, or nothing."""
    for asked, claim in _pairs(case):
        told, puts = claim.before_kms_key_id, evidence.puts(asked.place)
        if told is None:
            continue
        first = puts[0].n if puts else math.inf
        reads = (read for read in evidence.reads(asked.place) if read.n < first)
        if not (asked.usable and asked.selected):
            yield Violation(rule="I21", row=asked.row, reason=f"{told} before, but it is not a row to be looked at")
        elif not any(evidence.shows(read, asked.place, told) for read in reads):
            yield Violation(rule="I21", row=asked.row, reason=f"no read before its first PUT shows {told}")


def drifted_was_shown(case: Case, evidence: Evidence) -> Iterator[Violation]:
    """I4d: a row has drifted only if a read shows a key that is neither its own nor the expected one."""
    for asked, claim in _pairs(case):
        if claim.status is not Status.DRIFTED:
            continue
        shown = (evidence.key_at(asked.place, read.at_s) for read in evidence.reads(asked.place) if is_yes(read))
        if not any(
            key and not same(key, asked.kms_key_id) and not same(key, asked.expected_kms_key_id) for key in shown
        ):
            yield Violation(rule="I4d", row=asked.row, reason="drifted, but no read shows another key than expected")


def no_is_proven(case: Case, evidence: Evidence) -> Iterator[Violation]:
    """I4: no row is reported as failed or rejected while a PUT of it may have been applied and was not read."""
    for asked, claim in _pairs(case):
        if claim.status not in {Status.FAILED, Status.REJECTED}:
            continue
        open_puts = [put for put in evidence.puts(asked.place) if not is_no(put) and not is_yes(put)]
        if not open_puts:
            continue
        reads = evidence.reads(asked.place)
        last, lands_s = open_puts[-1], case.bounds.lands_within_s
        absent = (evidence.key_at(asked.place, read.at_s) is None for read in reads)
        if not any(_settles(read, last, lands_s, absent=gone) for read, gone in zip(reads, absent, strict=True)):
            reason = f"{claim.status}, but no read settles PUT {open_puts[-1].n} (answered {open_puts[-1].status})"
            yield Violation(rule="I4", row=asked.row, reason=reason)


def _settles(read: Record, put: Record, lands_within_s: float, *, absent: bool) -> bool:
    if read.n < put.n or not read.answered_whole:
        return False
    if absent:
        # Where there is no such secret nothing can land either; any other refusal of a read says nothing.
        return read.status in _ABSENT
    return is_yes(read) and read.at_s >= put.at_s + lands_within_s


def not_done_is_not_changed(case: Case, evidence: Evidence) -> Iterator[Violation]:
    """I4w: what is reported as not done was not done by us, now or later."""
    for asked, claim in _pairs(case):
        if claim.status not in _NOT_CHANGED or not asked.usable:
            continue
        for put in evidence.puts(asked.place):
            if put.applied and same(put.kms_key_id, asked.kms_key_id) and not _undone(put, asked, case):
                yield Violation(rule="I4w", row=asked.row, reason=f"{claim.status}, but PUT {put.n} was applied")
        if case.after is not None and asked.place not in case.others:
            before, after = case.before.get(asked.place), case.after.get(asked.place)
            if not same(before, after):
                reason = f"{claim.status}, but its key went from {before} to {after}"
                yield Violation(rule="I4w", row=asked.row, reason=reason)


def _undone(put: Record, asked: Asked, case: Case) -> bool:
    """Whether somebody else has moved or deleted the secret since this PUT was applied: no read can show it now."""
    landed_s = put.at_s if put.landed_s is None else put.landed_s
    return any(one.place == asked.place and one.at_s >= landed_s for one in case.changes)


def unknown_has_a_reason(case: Case, evidence: Evidence) -> Iterator[Violation]:
    """I4u: a row is unknown only if a PUT of it was not answered for, or a session was cut off."""
    for asked, claim in _pairs(case):
        if claim.status is not Status.UNKNOWN or case.bounds.interruptions:
            continue
        if all(is_no(put) or is_yes(put) for put in evidence.puts(asked.place)):
            yield Violation(rule="I4u", row=asked.row, reason="unknown, but every PUT of it was answered for")


def only_valid_rows_are_sent(case: Case, evidence: Evidence) -> Iterator[Violation]:
    """I5: every request is one that a valid row asks for, byte for byte at the right place."""
    wanted = {(*one.place, one.kms_key_id) for one in case.asked if evidence.leaders[one.row] is not None}
    places = {one.place for one in case.asked if evidence.leaders[one.row] is not None}
    for record in case.records:
        place = record.project_id or "", record.secret_name or ""
        exact = record.target == f"/v1/{place[0]}/secrets/{place[1]}"
        if record.method == "PUT" and not (exact and (*place, record.kms_key_id) in wanted):
            yield Violation(rule="I5", row=None, reason=f"PUT {record.n} {record.target} {record.kms_key_id}: no row")
        elif record.method == "GET" and record.secret_name is not None and not (exact and place in places):
            yield Violation(rule="I5", row=None, reason=f"GET {record.n} {record.target}: no row asks for it")
        elif record.method not in {"PUT", "GET"}:
            yield Violation(rule="I5", row=None, reason=f"{record.method} {record.n} {record.target}: never asked for")
    for asked, claim in _pairs(case):
        # A place that several rows name is judged by the row that was sent for it.
        if claim.status not in _NOTHING_SENT or evidence.leaders[asked.row] != asked.row:
            continue
        if _too_much(asked, claim, case, evidence):
            yield Violation(rule="I5", row=asked.row, reason=f"{claim.status}, but a PUT was sent")


def expected_key_is_read_first(case: Case, evidence: Evidence) -> Iterator[Violation]:
    """I5c: a row that expects a key is written only after a read that shows it, one for each PUT and no older than it
    may be when the PUT leaves.
    """
    bound_s = max(_FRESH_S, 2.0 / case.bounds.slowest_per_s) + _ON_ITS_WAY_S
    for asked in case.asked:
        expected = asked.expected_kms_key_id
        if expected is None or evidence.leaders[asked.row] is None:
            continue
        reads = [read for read in evidence.reads(asked.place) if evidence.shows(read, asked.place, expected)]
        last = 0
        for put in evidence.puts(asked.place):
            if not any(last < read.n < put.n and put.at_s - read.at_s <= bound_s for read in reads):
                reason = f"PUT {put.n} left without its own fresh read that showed {expected}"
                yield Violation(rule="I5c", row=asked.row, reason=reason)
            last = put.n


def invalid_is_what_is_invalid(case: Case, evidence: Evidence) -> Iterator[Violation]:
    """I5d: rows that are unusable or contradict each other are invalid, others never; twins share one outcome. What is
    not selected is not attempted, whatever is wrong with it.
    """
    by_row = {claim.row: claim for claim in case.claims}
    for asked, claim in _pairs(case):
        leader = evidence.leaders[asked.row]
        if not asked.selected:
            if claim.status is not Status.NOT_ATTEMPTED:
                yield Violation(rule="I5d", row=asked.row, reason=f"{claim.status}, and it is not selected")
        elif (claim.status is Status.INVALID) != (leader is None):
            reason = f"{claim.status}, and {'nothing may' if leader is None else 'it can'} be sent for it"
            yield Violation(rule="I5d", row=asked.row, reason=reason)
        elif leader is not None and (led := by_row.get(leader)) is not None and led.status is not claim.status:
            yield Violation(rule="I5d", row=asked.row, reason=f"{claim.status}, its twin {leader} is {led.status}")


def attempts_are_counted(case: Case, evidence: Evidence) -> Iterator[Violation]:
    """I6: no more PUTs than attempts told, no more attempts than allowed beside those that cost a row nothing."""
    bounds = case.bounds
    plain = bounds.max_attempts * (1 + bounds.fresh_starts) + bounds.interruptions
    free = Counter((put.project_id, put.secret_name) for put in _costing_nothing(case))
    seen = Counter(record.project_id and (record.project_id, record.secret_name) for record in _puts(case))
    for asked, claim in _pairs(case):
        if evidence.leaders[asked.row] is None:
            continue
        if seen[asked.place] > claim.attempts:
            reason = f"{seen[asked.place]} PUTs arrived, {claim.attempts} attempts are told"
            yield Violation(rule="I6", row=asked.row, reason=reason)
        allowed = plain + free[asked.place]
        if claim.attempts > allowed:
            yield Violation(rule="I6", row=asked.row, reason=f"{claim.attempts} attempts, allowed {allowed}")


def _costing_nothing(case: Case) -> Iterator[Record]:
    """PUTs with a login that was refused, those that tried, after a read that was answered, whether the service takes
    changes again, those refused for the rate with nothing accepted since the last refusal, and a row's first refusal.
    """
    before: dict[str | None, Record] = {}
    refused: set[tuple[str | None, str | None]] = set()
    storms = _Storms(case)
    for record in case.records:
        last = before.get(record.project_id)
        before[record.project_id] = record
        if record.method != "PUT":
            continue
        tried = last is not None and last.method == "GET" and last.ended_s is not None and last.ended_s <= record.at_s
        met_no_service = record.status == HTTPStatus.TOO_MANY_REQUESTS or not (is_yes(record) or is_no(record))
        place = record.project_id, record.secret_name
        if record.status == HTTPStatus.UNAUTHORIZED or (tried and met_no_service) or storms.met(record):
            yield record
        elif is_no(record) and record.status != HTTPStatus.TOO_MANY_REQUESTS and place not in refused:
            refused.add(place)
            yield record


class _Storms:
    """What was answered last in each project: refused for the rate, or not."""

    def __init__(self, case: Case) -> None:
        self._ends: defaultdict[str | None, list[tuple[float, bool]]] = defaultdict(list)
        for one in case.records:
            if one.ended_s is not None and one.status is not None:
                self._ends[one.project_id].append((one.ended_s, one.status == HTTPStatus.TOO_MANY_REQUESTS))
        for ends in self._ends.values():
            ends.sort()

    def met(self, record: Record) -> bool:
        """Whether a refusal for the rate was among the last answers before this one, which is another."""
        if record.status != HTTPStatus.TOO_MANY_REQUESTS:
            return False
        ends = self._ends[record.project_id]
        upto = bisect.bisect_right(ends, (record.at_s, True))
        return any(refused for _, refused in ends[max(0, upto - _RECENT) : upto])


def _puts(case: Case) -> Iterator[Record]:
    return (record for record in case.records if record.method == "PUT")
