"""The table of what becomes of a row after every kind of answer in every phase."""

from random import Random

import msgspec
import pytest

from batch.csms.client import Answer, SecretView
from batch.csms.faults import Fault, FaultKind
from batch.engine.progress import Phase, Policy, Progress, backoff_s, nearly_used_up
from batch.engine.retry import Again, Finish, Leave, LogIn, Park, Sent, after_answer
from jobs.model import SecretUpdate, Status

NEW, OLD, THIRD = "n" * 32, "o" * 32, "t" * 32
PLAIN = SecretUpdate(secret_name="a", kms_key_id=NEW)
GUARDED = SecretUpdate(secret_name="a", kms_key_id=NEW, expected_kms_key_id=OLD)
POLICY = Policy(max_attempts=3, read_tries=3, timeout_s=60.0)
K = FaultKind


def fault(kind: FaultKind, *, maybe_applied: bool = False) -> Fault:
    return Fault(kind=kind, code=f"code-{kind}", message="m", maybe_applied=maybe_applied)


ABSENT = Fault(kind=K.ABSENT, code="CSMS.0106", message="no such secret", maybe_applied=False)


def shows(key: str) -> SecretView:
    return SecretView(name="a", kms_key_id=key)


def decide(progress: Progress, answer: Answer, *, now_s: float = 1_000.0, sent_s: float | None = None) -> str:
    """The step in short: the status it ends with, or `phase` to continue with, with `!` where the row is in doubt."""
    sent = Sent(at_s=now_s if sent_s is None else sent_s)
    match after_answer(progress, answer, POLICY, sent, now_s=now_s, rng=Random(1)):
        case Finish(status=status):
            return status.value
        case Again(progress=after):
            return _short(after.phase.value, after)
        case Park(progress=after):
            assert after.refused
            return _short("park", after)
        case Leave(progress=after):
            return _short("leave", after)
        case LogIn(progress=after):
            return _short("log in", after)


def _short(what: str, after: Progress) -> str:
    return what + ("!" if after.doubt else "")


def writing(*, attempts: int = 1, doubt: bool = False, refused: bool = False) -> Progress:
    return Progress(
        update=PLAIN, phase=Phase.WRITE, attempts=attempts, budget=3, doubt=doubt, refused=refused,
        lands_until_s=1_060.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "first", "last", "last_after_doubt"),
    [
        (shows(NEW), "updated", "updated", "updated"),
        (fault(K.UNREACHABLE), "write", "failed", "settle!"),
        (fault(K.THROTTLED), "write", "failed", "settle!"),
        (fault(K.LOST, maybe_applied=True), "write!", "settle!", "settle!"),
        (fault(K.UNAVAILABLE, maybe_applied=True), "write!", "settle!", "settle!"),
        (fault(K.UNAVAILABLE), "write", "failed", "settle!"),
        (fault(K.FOREIGN, maybe_applied=True), "write!", "settle!", "settle!"),
        (fault(K.MISMATCH, maybe_applied=True), "settle!", "settle!", "settle!"),
        (fault(K.INTERNAL), "leave", "leave", "leave!"),
        (fault(K.INTERNAL, maybe_applied=True), "leave!", "leave!", "leave!"),
        (fault(K.REJECTED), "rejected", "rejected", "settle!"),
        (fault(K.REJECTED, maybe_applied=True), "settle!", "settle!", "settle!"),
        (fault(K.ABSENT), "park", "park", "park!"),
        (fault(K.FORBIDDEN), "park", "park", "park!"),
        (fault(K.KEY), "park", "park", "park!"),
        (fault(K.CREDENTIAL), "log in", "log in", "log in!"),
        (fault(K.CREDENTIAL, maybe_applied=True), "log in!", "log in!", "log in!"),
        (fault(K.SIGNATURE), "leave", "leave", "leave!"),
        (fault(K.MISCONFIGURED), "leave", "leave", "leave!"),
        (fault(K.MISCONFIGURED, maybe_applied=True), "leave!", "leave!", "leave!"),
    ],
)
def test_a_write_continues_by_its_answer_its_attempts_and_its_doubt(
    answer: Answer, first: str, last: str, last_after_doubt: str
) -> None:
    assert decide(writing(attempts=1), answer) == first
    assert decide(writing(attempts=3), answer) == last
    assert decide(writing(attempts=3, doubt=True), answer) == last_after_doubt


@pytest.mark.parametrize("kind", [K.FORBIDDEN, K.KEY, K.ABSENT])
def test_a_second_refusal_is_for_good_and_the_first_costs_the_row_no_attempt(kind: FaultKind) -> None:
    step = after_answer(writing(attempts=3), fault(kind), POLICY, Sent(at_s=0.0), now_s=0.0, rng=Random(1))
    assert isinstance(step, Park)
    assert (step.progress.spent, step.progress.budget) == (1, 4)
    assert decide(writing(attempts=1, refused=True), fault(kind)) == "rejected"
    assert decide(writing(attempts=1, refused=True, doubt=True), fault(kind)) == "settle!"


@pytest.mark.parametrize("kind", list(FaultKind))
@pytest.mark.parametrize("attempts", [1, 2, 3])
@pytest.mark.parametrize("refused", [False, True])
def test_a_row_in_doubt_never_ends_on_a_fault_of_a_later_write(
    kind: FaultKind, attempts: int, *, refused: bool
) -> None:
    step = decide(writing(attempts=attempts, doubt=True, refused=refused), fault(kind))
    assert step in {"write!", "settle!", "leave!", "log in!", "park!"}


@pytest.mark.parametrize(
    ("answer", "clean", "doubt"),
    [
        (shows(NEW), "unchanged", "verified"),
        (shows(NEW.upper()), "unchanged", "verified"),
        (shows(OLD), "write", "write!"),
        (shows(THIRD), "drifted", "settle!"),
        (shows(""), "drifted", "settle!"),
        (ABSENT, "park", "park!"),
        (fault(K.FORBIDDEN), "park", "park!"),
        (fault(K.REJECTED), "rejected", "unknown"),
        (fault(K.FOREIGN, maybe_applied=True), "check", "check!"),
        (fault(K.UNREACHABLE), "check", "check!"),
        (fault(K.UNAVAILABLE, maybe_applied=True), "check", "check!"),
        (fault(K.THROTTLED), "check", "check!"),
        (fault(K.MISMATCH, maybe_applied=True), "check", "check!"),
        (fault(K.CREDENTIAL), "log in", "log in!"),
        (fault(K.SIGNATURE), "leave", "leave!"),
    ],
)
def test_a_row_that_expects_a_key_is_written_only_when_a_read_shows_that_key(
    answer: Answer, clean: str, doubt: str
) -> None:
    check = Progress(update=GUARDED, phase=Phase.CHECK, budget=3)
    assert decide(check, answer) == clean
    assert decide(check.doubted(), answer) == doubt


@pytest.mark.parametrize(
    ("answer", "clean", "doubt"), [(ABSENT, "rejected", "rejected"), (fault(K.FORBIDDEN), "rejected", "unknown")]
)
def test_a_read_that_is_refused_twice_ends_its_row(answer: Answer, clean: str, doubt: str) -> None:
    check = Progress(update=GUARDED, phase=Phase.CHECK, budget=3, refused=True)
    assert decide(check, answer) == clean
    assert decide(check.doubted(), answer) == doubt


@pytest.mark.parametrize("kind", [K.THROTTLED, K.UNAVAILABLE, K.LOST, K.CREDENTIAL, K.FORBIDDEN])
def test_a_row_that_expects_a_key_is_read_again_before_every_later_put(kind: FaultKind) -> None:
    progress = Progress(update=GUARDED, phase=Phase.WRITE, attempts=1, budget=3)
    step = after_answer(progress, fault(kind), POLICY, Sent(at_s=0.0), now_s=0.0, rng=Random(1))
    assert isinstance(step, Again | LogIn | Park)
    assert step.progress.phase is Phase.CHECK


@pytest.mark.parametrize(("doubt", "status"), [(False, "failed"), (True, "unknown")])
def test_a_check_that_cannot_be_made_ends_after_the_most_tries(doubt: bool, status: str) -> None:  # noqa: FBT001 - a table
    check = Progress(update=GUARDED, phase=Phase.CHECK, budget=3, tries=2, doubt=doubt)
    assert decide(check, fault(K.UNAVAILABLE, maybe_applied=True)) == status


def settling(write_fault: FaultKind = K.LOST, *, tries: int = 0, attempts: int = 3, refused: bool = False) -> Progress:
    last = fault(write_fault, maybe_applied=True)
    return Progress(
        update=PLAIN, phase=Phase.SETTLE, attempts=attempts, budget=3, doubt=True, lands_until_s=1_060.0, tries=tries,
        write_fault=last, refused=refused,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "now_s", "expected"),
    [
        (shows(NEW), 1_001.0, "verified"),
        (shows(OLD), 1_001.0, "settle!"),
        (shows(OLD), 1_059.9, "settle!"),
        (shows(OLD), 1_060.0, "failed"),
        (ABSENT, 1_001.0, "park!"),
        (fault(K.FORBIDDEN), 1_001.0, "park!"),
        (fault(K.REJECTED), 1_001.0, "unknown"),
        (fault(K.FOREIGN, maybe_applied=True), 1_001.0, "settle!"),
        (fault(K.LOST, maybe_applied=True), 1_001.0, "settle!"),
        (fault(K.MISMATCH, maybe_applied=True), 1_001.0, "settle!"),
        (fault(K.CREDENTIAL), 1_001.0, "log in!"),
    ],
)
def test_a_doubtful_row_ends_with_what_a_read_shows(answer: Answer, now_s: float, expected: str) -> None:
    assert decide(settling(), answer, now_s=now_s) == expected


@pytest.mark.parametrize(
    ("write_fault", "answer", "expected"),
    [
        (K.LOST, ABSENT, "rejected"),
        (K.LOST, fault(K.FORBIDDEN), "unknown"),
        (K.KEY, ABSENT, "rejected"),
        (K.KEY, shows(OLD), "rejected"),
    ],
)
def test_a_doubtful_row_that_was_refused_before_ends_with_the_second_refusal_or_the_read(
    write_fault: FaultKind, answer: Answer, expected: str
) -> None:
    assert decide(settling(write_fault, refused=True), answer, now_s=1_060.0) == expected


@pytest.mark.parametrize(
    ("write_fault", "expected"), [(K.LOST, "write"), (K.FOREIGN, "write"), (K.KEY, "rejected"), (K.MISMATCH, "failed")]
)
def test_a_doubtful_row_that_proves_not_to_be_applied_is_written_again_while_it_has_attempts_left(
    write_fault: FaultKind, expected: str
) -> None:
    assert decide(settling(write_fault, attempts=2), shows(OLD), now_s=1_060.0) == expected


@pytest.mark.parametrize("phase", Phase)
def test_a_service_that_says_when_to_come_again_is_not_asked_before(phase: Phase) -> None:
    busy = msgspec.structs.replace(fault(K.UNAVAILABLE, maybe_applied=True), retry_after_s=45.0)
    row = msgspec.structs.replace(writing(), phase=phase)
    step = after_answer(row, busy, POLICY, Sent(at_s=1_000.0), now_s=1_001.0, rng=Random(1))
    assert isinstance(step, Again)
    assert step.after_s == 45.0


def test_the_wait_counts_from_the_last_put_that_may_have_been_applied() -> None:
    ambiguous = fault(K.UNAVAILABLE, maybe_applied=True)
    first = after_answer(writing(), ambiguous, POLICY, Sent(at_s=2_000.0), now_s=2_001.0, rng=Random(1))
    assert isinstance(first, Again)
    sent = Sent(at_s=2_050.0)
    refused = after_answer(first.progress.sent(), fault(K.REJECTED), POLICY, sent, now_s=2_051.0, rng=Random(1))
    assert isinstance(refused, Again)
    assert decide(refused.progress, shows(OLD), now_s=2_059.9) == "settle!"
    assert decide(refused.progress, shows(OLD), now_s=2_060.0) == "rejected"
    assert refused.progress.doubt_fault == ambiguous


@pytest.mark.parametrize(("timeout_s", "lands_within_s"), [(3.0, 60.0), (60.0, 60.0), (90.0, 90.0)])
def test_a_late_update_is_expected_for_a_minute_however_short_the_timeout(
    timeout_s: float, lands_within_s: float
) -> None:
    policy = Policy(timeout_s=timeout_s)
    lost = fault(K.LOST, maybe_applied=True)
    step = after_answer(writing(), lost, policy, Sent(at_s=2_000.0), now_s=2_001.0, rng=Random(1))
    assert isinstance(step, Again)
    assert step.progress.lands_until_s == 2_000.0 + lands_within_s


def test_a_200_that_names_another_key_is_finished_with_and_lands_no_later() -> None:
    other = fault(K.MISMATCH, maybe_applied=True)
    row = msgspec.structs.replace(writing(), lands_until_s=0.0)
    step = after_answer(row, other, POLICY, Sent(at_s=2_000.0), now_s=2_001.0, rng=Random(1))
    assert isinstance(step, Again)
    assert step.progress.lands_until_s == 2_000.0


def test_another_key_counts_only_an_attempt_timeout_after_the_last_send() -> None:
    step = after_answer(settling(), shows(OLD), POLICY, Sent(at_s=1_009.0), now_s=1_010.0, rng=Random(1))
    assert isinstance(step, Again)
    assert step.after_s == 50.0


def test_a_read_that_left_before_the_last_put_could_no_longer_land_proves_nothing_however_late_its_answer() -> None:
    assert decide(settling(), shows(OLD), sent_s=1_059.0, now_s=1_090.0) == "settle!"


def test_a_doubtful_row_that_cannot_be_read_is_unknown() -> None:
    assert decide(settling(tries=2), fault(K.UNAVAILABLE, maybe_applied=True)) == "unknown"


@pytest.mark.parametrize("phase", Phase)
def test_what_never_left_changes_nothing_about_its_row(phase: Phase) -> None:
    row = msgspec.structs.replace(writing(doubt=True), phase=phase)
    withheld = msgspec.structs.replace(fault(K.UNREACHABLE), withheld=True)
    step = after_answer(row, withheld, POLICY, Sent(at_s=0.0), now_s=0.0, rng=Random(1))
    assert isinstance(step, Again)
    assert step.progress == row
    assert 0.0 <= step.after_s <= 2.0


def test_a_put_that_never_left_is_compared_again_before_it_is_tried_again() -> None:
    """A comparison that was too old for its PUT does not become younger: without another the row never ended."""
    row = msgspec.structs.replace(writing(), update=GUARDED)
    withheld = msgspec.structs.replace(fault(K.UNREACHABLE), withheld=True)
    assert decide(row, withheld) == "check"


@pytest.mark.parametrize(("phase", "budget", "tries"), [(Phase.WRITE, 4, 0), (Phase.SETTLE, 3, 0)])
def test_a_fault_that_is_forgiven_costs_the_row_nothing(phase: Phase, budget: int, tries: int) -> None:
    row = msgspec.structs.replace(writing(attempts=3), phase=phase)
    sent = Sent(at_s=0.0, forgives=frozenset({K.UNREACHABLE}))
    step = after_answer(row, fault(K.UNREACHABLE), POLICY, sent, now_s=0.0, rng=Random(1))
    assert isinstance(step, Again)
    assert (step.progress.budget, step.progress.tries) == (budget, tries)


@pytest.mark.parametrize(
    ("phase", "attempts", "tries", "expected"),
    [
        (Phase.WRITE, 1, 0, False),
        (Phase.WRITE, 2, 0, True),
        (Phase.SETTLE, 3, 0, False),
        (Phase.SETTLE, 3, 1, True),
    ],
)
def test_a_row_is_nearly_used_up_when_its_next_failure_may_be_the_last(
    phase: Phase, attempts: int, tries: int, *, expected: bool
) -> None:
    row = msgspec.structs.replace(writing(attempts=attempts), phase=phase, tries=tries)
    assert nearly_used_up(row, POLICY) is expected


def test_backoff_doubles_its_ceiling_caps_it_and_draws_over_the_whole_range() -> None:
    class Highest(Random):
        def uniform(self, a: float, b: float) -> float:
            assert a == 0.0
            return b

    silent = [backoff_s(Policy(), tries, Highest(), silent=True) for tries in range(1, 10)]
    assert silent == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
    answered = [backoff_s(Policy(), tries, Highest(), silent=False) for tries in range(1, 7)]
    assert answered == [0.25, 0.5, 1.0, 2.0, 2.0, 2.0]
    drawn = [backoff_s(Policy(), 3, Random(seed), silent=True) for seed in range(400)]
    assert 0.0 <= min(drawn) < 0.1
    assert 1.9 < max(drawn) <= 2.0


def test_every_status_but_invalid_and_not_attempted_can_be_reached() -> None:
    reached = {
        decide(writing(), shows(NEW)),
        decide(settling(), shows(NEW)),
        decide(Progress(update=GUARDED, phase=Phase.CHECK), shows(NEW)),
        decide(writing(refused=True), fault(K.KEY)),
        decide(Progress(update=GUARDED, phase=Phase.CHECK), shows(THIRD)),
        decide(writing(attempts=3), fault(K.THROTTLED)),
        decide(settling(refused=True), fault(K.FORBIDDEN)),
    }
    assert reached == {status.value for status in Status} - {"invalid", "not_attempted"}
