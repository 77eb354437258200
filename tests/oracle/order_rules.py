"""Rules about the order of what went on record and what reached the service."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from jobs.model import Group, Status
from tests.kit.records import Record
from tests.oracle.case import Case, Commit, Reopened, Violation
from tests.oracle.evidence import Evidence

_MAY_OPEN_AGAIN = frozenset({Status.FAILED, Status.UNKNOWN})


def _puts_by_row(case: Case, evidence: Evidence) -> Iterator[tuple[int, Record]]:
    rows = {one.place: one.row for one in case.asked if evidence.leaders[one.row] == one.row}
    for record in case.records:
        row = rows.get((record.project_id or "", record.secret_name or ""))
        if record.method == "PUT" and row is not None:
            yield row, record


def intent_before_put(case: Case, evidence: Evidence) -> Iterator[Violation]:
    """I7: the k-th PUT of a row arrives only while an intent for a k-th or later one is durable."""
    if case.tape is None:
        return
    intents = _standing_intents(case.tape)
    sent: Counter[int] = Counter()
    for row, record in _puts_by_row(case, evidence):
        sent[row] += 1
        if not any(attempt >= sent[row] and since < record.n <= until for attempt, since, until in intents[row]):
            reason = f"PUT {record.n} is its number {sent[row]}, and no such intent was durable before"
            yield Violation(rule="I7", row=row, reason=reason)


def _standing_intents(tape: Sequence[Commit | Reopened]) -> dict[int, list[tuple[int, int, float]]]:
    """For each row the number of each PUT that was about to leave, and the span of request numbers in which that stood:
    a row that is put aside takes back what it had not sent.
    """
    intents: dict[int, list[tuple[int, int, float]]] = defaultdict(list)
    for event in tape:
        if isinstance(event, Commit):
            for row, attempts in event.put_aside:
                intents[row] = [
                    (attempt, since, min(until, event.arrived) if attempt > attempts else until)
                    for attempt, since, until in intents[row]
                ]
            for row, attempt in event.intents:
                intents[row].append((attempt, event.arrived, math.inf))
    return intents


def no_put_after_an_outcome(case: Case, evidence: Evidence) -> Iterator[Violation]:
    """I8: once a row's outcome is durable nothing more is sent for it, unless it was opened again on purpose."""
    closed = _closed_spans(case)
    for row, record in _puts_by_row(case, evidence):
        if any(since < record.n <= until for since, until in closed[row]):
            yield Violation(rule="I8", row=row, reason=f"PUT {record.n} arrived after its outcome was durable")


def wave_after_wave(case: Case, evidence: Evidence) -> Iterator[Violation]:
    """W: a PUT arrives only once every row of the waves before it is done, unless a person has asked to continue. A row
    that repeats another one belongs to the wave of that.
    """
    wave_of = {one.row: one.wave for one in case.asked}
    order = list(dict.fromkeys(one.wave for one in case.asked))
    done = _done_since(case)
    done_by = dict.fromkeys(order, 0.0)
    for one in case.asked:
        if one.selected:
            row = evidence.leaders[one.row] or one.row
            done_by[wave_of[row]] = max(done_by[wave_of[row]], done.get(row, math.inf))
    for row, record in _puts_by_row(case, evidence):
        before = order[: order.index(wave_of[row])]
        if any(done_by[wave] >= record.n for wave in before) and record.n <= case.by_hand_from:
            yield Violation(rule="W", row=row, reason=f"PUT {record.n} arrived before its wave could begin")


def _done_since(case: Case) -> dict[int, int]:
    """How many requests had arrived when a row was on record as done."""
    return {
        row: event.arrived
        for event in reversed(case.tape or ())
        if isinstance(event, Commit)
        for row, status in event.ended
        if status.group is Group.DONE
    }


def _closed_spans(case: Case) -> dict[int, list[tuple[int, float]]]:
    """For each row the spans of request numbers in which its outcome stood."""
    spans: dict[int, list[tuple[int, float]]] = defaultdict(list)
    standing: dict[int, tuple[int, Status]] = {}
    for event in case.tape or ():
        if isinstance(event, Commit):
            for row, status in event.ended:
                standing.setdefault(row, (event.arrived, status))
            continue
        for row in [row for row, (_, status) in standing.items() if status in _MAY_OPEN_AGAIN]:
            spans[row].append((standing.pop(row)[0], event.arrived))
    for row, (since, _) in standing.items():
        spans[row].append((since, math.inf))
    return spans
