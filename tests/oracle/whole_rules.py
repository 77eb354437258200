"""Rules about a run as a whole: totality, the retry file, the exit code, and what it asked of the service."""

from collections import Counter
from collections.abc import Iterator

from jobs.model import Status
from tests.kit.records import busiest_window
from tests.oracle.case import Case, Claim, Violation
from tests.oracle.evidence import Evidence, is_no

_DONE = frozenset({Status.UPDATED, Status.VERIFIED, Status.UNCHANGED})
_AGAIN = frozenset({Status.FAILED, Status.UNKNOWN, Status.NOT_ATTEMPTED})
_WINDOW_S = 1.0
_HELD_AFTER = 5
_SIGNALS = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129}


def every_row_once(case: Case, _evidence: Evidence) -> Iterator[Violation]:
    """I1: one claim for every manifest row, in manifest order, about that very row."""
    for due, claim in zip(case.asked, case.claims, strict=False):
        if (claim.row, claim.secret_name, claim.kms_key_id) != (due.row, due.secret_name, due.kms_key_id):
            yield Violation(rule="I1", row=due.row, reason=f"is told as {claim}, and is {due}")
    if len(case.claims) != len(case.asked):
        yield Violation(rule="I1", row=None, reason=f"{len(case.claims)} claims for {len(case.asked)} rows")


def _selected(case: Case) -> list[Claim]:
    left_out = {asked.row for asked in case.asked if not asked.selected}
    return [claim for claim in case.claims if claim.row not in left_out]


def retry_file_is_what_runs_again(case: Case, _evidence: Evidence) -> Iterator[Violation]:
    """I2: the retry file holds exactly the selected rows to run again, in order."""
    due = tuple(claim.row for claim in _selected(case) if claim.status in _AGAIN)
    if case.again != due:
        missing, extra = sorted({*due} - {*case.again}), sorted({*case.again} - {*due})
        reason = f"missing {missing}, too many {extra}" if missing or extra else "out of order or repeated"
        yield Violation(rule="I2", row=None, reason=reason)


def rate_is_kept(case: Case, _evidence: Evidence) -> Iterator[Violation]:
    """I10: in no second, wherever it begins, does a project see more than rate + burst."""
    allowed = case.bounds.per_s * _WINDOW_S + case.bounds.burst
    for project in sorted({record.project_id for record in case.records if record.project_id is not None}):
        busiest = busiest_window([record for record in case.records if record.project_id == project], _WINDOW_S)
        if busiest > allowed:
            yield Violation(rule="I10", row=None, reason=f"{busiest} in a second to {project}, allowed {allowed:g}")


def concurrency_is_kept(case: Case, _evidence: Evidence) -> Iterator[Violation]:
    """I11: never more open requests than allowed."""
    most = max((record.open for record in case.records), default=0)
    if most > case.bounds.concurrency:
        yield Violation(rule="I11", row=None, reason=f"{most} open at once, allowed {case.bounds.concurrency}")


def every_row_is_reached(case: Case, evidence: Evidence) -> Iterator[Violation]:
    """I19: a run that finished by itself has asked for every row, but for those of a key that the service refused."""
    if case.ended_as != "finished":
        return
    # A key is also refused by the reads of its rows.
    keys = {asked.place: asked.kms_key_id for asked in case.asked}
    places = [(one.project_id or "", one.secret_name or "") for one in case.records if is_no(one)]
    refused = Counter((place[0], keys.get(place)) for place in places)
    for asked, claim in zip(case.asked, case.claims, strict=False):
        held = refused[asked.project_id, asked.kms_key_id] >= _HELD_AFTER
        if claim.status is Status.NOT_ATTEMPTED and not held and evidence.leaders[asked.row] is not None:
            yield Violation(rule="I19", row=asked.row, reason="not attempted, though the run finished")


def exit_code_follows(case: Case, _evidence: Evidence) -> Iterator[Violation]:
    """I17: the exit code is a function of the outcomes of the selected rows and of what ended the run."""
    if case.exit_code is None:
        return
    statuses = {claim.status for claim in _selected(case)}
    due = _exit_code(statuses, case.ended_as)
    if case.exit_code != due:
        told = ", ".join(sorted(statuses))
        yield Violation(rule="I17", row=None, reason=f"exit {case.exit_code}, due {due} ({case.ended_as}; {told})")


def _exit_code(statuses: set[Status], ended_as: str) -> int:
    if statuses <= _DONE:
        return 0
    if not statuses & _AGAIN:
        return 1
    if ended_as == "finished":
        return 3 if Status.NOT_ATTEMPTED in statuses else 1
    return _SIGNALS.get(ended_as, 3)
