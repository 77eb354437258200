"""The table of what becomes of a row after every kind of answer in every phase."""

from random import Random

import msgspec
import pytest

from batch.csms.client import Answer, SecretView
from batch.csms.faults import Fault, FaultKind
from batch.engine.retry import Again, Finish, Leave, LogIn, Phase, Policy, Progress, Sent, after_answer, backoff_s
from jobs.model import SecretUpdate, Status

NEW, OLD, THIRD = "n" * 32, "o" * 32, "t" * 32
UPDATE = SecretUpdate(secret_name="a", kms_key_id=NEW, expected_kms_key_id=OLD)
POLICY = Policy(max_attempts=3, read_tries=3, timeout_s=60.0)
K = FaultKind


def fault(kind: FaultKind, *, maybe_applied: bool = False) -> Fault:
    return Fault(kind=kind, code=f"code-{kind}", message="m", maybe_applied=maybe_applied)


ABSENT = Fault(kind=K.ABSENT, code="CSMS.0106", message="no such secret", maybe_applied=False)


def shows(key: str) -> SecretView:
    return SecretView(name="a", kms_key_id=key)


def decide(progress: Progress, answer: Answer, *, now_s: float = 1_000.0, sent_s: float | None = None) -> str:
    """The step in short: the status it ends with, or `phase` to go on with, with `!` where the row is in doubt."""
    sent_s = now_s if sent_s is None else sent_s
    step = after_answer(progress, answer, POLICY, Sent(at_s=sent_s), now_s=now_s, rng=Random(1))
    match step:
        case Finish(status=status):
            return status.value
        case Again(progress=after):
            return after.phase.value + ("!" if after.doubt else "")
        case Leave(progress=after):
            return "leave" + ("!" if after.doubt else "")
        case LogIn(progress=after):
            return "log in" + ("!" if after.doubt else "")


def writing(*, attempts: int = 1, doubt: bool = False) -> Progress:
    return Progress(update=UPDATE, phase=Phase.WRITE, attempts=attempts, budget=3, doubt=doubt, lands_until_s=1_060.0)


@pytest.mark.parametrize(
    ("answer", "first", "last", "last_after_doubt"),
    [
        (shows(NEW), "updated", "updated", "updated"),
        (fault(K.UNREACHABLE), "write", "failed", "settle!"),
        (fault(K.THROTTLED), "write", "failed", "settle!"),
        (fault(K.LOST, maybe_applied=True), "write!", "settle!", "settle!"),
        (fault(K.UNAVAILABLE, maybe_applied=True), "write!", "settle!", "settle!"),
        (fault(K.UNAVAILABLE), "write", "failed", "settle!"),
        (fault(K.MISMATCH, maybe_applied=True), "settle!", "settle!", "settle!"),
        (fault(K.INTERNAL), "leave", "leave", "leave!"),
        (fault(K.INTERNAL, maybe_applied=True), "leave!", "leave!", "leave!"),
        (fault(K.FOREIGN, maybe_applied=True), "write!", "settle!", "settle!"),
        (fault(K.REJECTED), "rejected", "rejected", "settle!"),
        (fault(K.ABSENT), "rejected", "rejected", "settle!"),
        (fault(K.REJECTED, maybe_applied=True), "settle!", "settle!", "settle!"),
        (fault(K.FORBIDDEN), "rejected", "rejected", "settle!"),
        (fault(K.KEY), "rejected", "rejected", "settle!"),
        (fault(K.CREDENTIAL), "log in", "log in", "log in!"),
        (fault(K.SIGNATURE), "leave", "leave", "leave!"),
        (fault(K.MISCONFIGURED), "leave", "leave", "leave!"),
        (fault(K.MISCONFIGURED, maybe_applied=True), "leave!", "leave!", "leave!"),
    ],
)
def test_a_write_goes_on_by_its_answer_its_attempts_and_its_doubt(
    answer: Answer, first: str, last: str, last_after_doubt: str
) -> None:
    assert decide(writing(attempts=1), answer) == first
    assert decide(writing(attempts=3), answer) == last
    assert decide(writing(attempts=3, doubt=True), answer) == last_after_doubt


@pytest.mark.parametrize("kind", list(FaultKind))
@pytest.mark.parametrize("attempts", [1, 2, 3])
def test_a_row_in_doubt_never_ends_on_a_fault_of_a_later_write(kind: FaultKind, attempts: int) -> None:
    assert decide(writing(attempts=attempts, doubt=True), fault(kind)) in {"write!", "settle!", "leave!", "log in!"}


@pytest.mark.parametrize(
    ("answer", "clean", "doubt"),
    [
        (shows(NEW), "unchanged", "verified"),
        (shows(NEW.upper()), "unchanged", "verified"),
        (shows(OLD), "write", "write!"),
        (shows(THIRD), "drifted", "settle!"),
        (ABSENT, "rejected", "rejected"),
        (fault(K.REJECTED), "rejected", "unknown"),
        (fault(K.FORBIDDEN), "rejected", "unknown"),
        (fault(K.UNREACHABLE), "check", "check!"),
        (fault(K.UNAVAILABLE, maybe_applied=True), "check", "check!"),
        (fault(K.THROTTLED), "check", "check!"),
        (fault(K.MISMATCH, maybe_applied=True), "check", "check!"),
        (fault(K.CREDENTIAL), "log in", "log in!"),
    ],
)
def test_a_row_that_expects_a_key_is_written_only_when_a_read_shows_that_key(
    answer: Answer, clean: str, doubt: str
) -> None:
    check = Progress(update=UPDATE, phase=Phase.CHECK, budget=3)
    assert decide(check, answer) == clean
    assert decide(check.doubted(), answer) == doubt


@pytest.mark.parametrize(("doubt", "status"), [(False, "failed"), (True, "unknown")])
def test_a_check_that_cannot_be_made_ends_after_the_most_tries(doubt: bool, status: str) -> None:  # noqa: FBT001 - a table
    check = Progress(update=UPDATE, phase=Phase.CHECK, budget=3, tries=2, doubt=doubt)
    assert decide(check, fault(K.UNAVAILABLE, maybe_applied=True)) == status


def settling(write_fault: FaultKind = K.LOST, *, tries: int = 0) -> Progress:
    last = fault(write_fault, maybe_applied=True)
    return Progress(
        update=UPDATE, phase=Phase.SETTLE, attempts=3, budget=3, doubt=True, lands_until_s=1_060.0, tries=tries,
        write_fault=last,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "now_s", "expected"),
    [
        (shows(NEW), 1_001.0, "verified"),
        (shows(OLD), 1_001.0, "settle!"),
        (shows(OLD), 1_059.9, "settle!"),
        (shows(OLD), 1_060.0, "failed"),
        (ABSENT, 1_001.0, "rejected"),
        (fault(K.REJECTED), 1_001.0, "unknown"),
        (fault(K.FORBIDDEN), 1_001.0, "unknown"),
        (fault(K.LOST, maybe_applied=True), 1_001.0, "settle!"),
        (fault(K.MISMATCH, maybe_applied=True), 1_001.0, "settle!"),
        (fault(K.CREDENTIAL), 1_001.0, "log in!"),
    ],
)
def test_a_doubtful_row_ends_with_what_a_read_shows(answer: Answer, now_s: float, expected: str) -> None:
    assert decide(settling(), answer, now_s=now_s) == expected


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
    refused = after_answer(
        first.progress.sent(), fault(K.REJECTED), POLICY, Sent(at_s=2_050.0), now_s=2_051.0, rng=Random(1)
    )
    assert isinstance(refused, Again)
    assert decide(refused.progress, shows(OLD), now_s=2_059.9) == "settle!"
    assert decide(refused.progress, shows(OLD), now_s=2_060.0) == "rejected"
    assert refused.progress.doubt_fault == ambiguous


def test_another_key_counts_only_an_attempt_timeout_after_the_last_send() -> None:
    step = after_answer(settling(), shows(OLD), POLICY, Sent(at_s=1_009.0), now_s=1_010.0, rng=Random(1))
    assert isinstance(step, Again)
    assert step.after_s == 50.0


def test_a_read_that_left_before_the_last_put_could_no_longer_land_proves_nothing_however_late_its_answer() -> None:
    assert decide(settling(), shows(OLD), sent_s=1_059.0, now_s=1_090.0) == "settle!"


def test_a_doubtful_row_that_was_refused_and_shows_another_key_is_rejected() -> None:
    assert decide(settling(K.KEY), shows(OLD), now_s=1_060.0) == "rejected"


def test_a_doubtful_row_that_cannot_be_read_is_unknown() -> None:
    assert decide(settling(tries=2), fault(K.UNAVAILABLE, maybe_applied=True)) == "unknown"


def test_backoff_doubles_its_ceiling_caps_it_and_draws_over_the_whole_range() -> None:
    class Highest(Random):
        def uniform(self, a: float, b: float) -> float:
            assert a == 0.0
            return b

    ceilings = [backoff_s(Policy(), tries, Highest()) for tries in range(1, 10)]
    assert ceilings == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
    drawn = [backoff_s(Policy(), 3, Random(seed)) for seed in range(400)]
    assert 0.0 <= min(drawn) < 0.1
    assert 1.9 < max(drawn) <= 2.0


def test_every_status_but_invalid_and_not_attempted_can_be_reached() -> None:
    reached = {
        decide(writing(), shows(NEW)),
        decide(settling(), shows(NEW)),
        decide(Progress(update=UPDATE, phase=Phase.CHECK), shows(NEW)),
        decide(writing(), fault(K.KEY)),
        decide(Progress(update=UPDATE, phase=Phase.CHECK), shows(THIRD)),
        decide(writing(attempts=3), fault(K.THROTTLED)),
        decide(settling(), fault(K.FORBIDDEN)),
    }
    assert reached == {status.value for status in Status} - {"invalid", "not_attempted"}
