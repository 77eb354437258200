"""Whether an old key may be retired: tables of the decisions."""

import pytest

from jobs.model import Scope
from jobs.retirement import (
    KeyFacts,
    KeyUse,
    Todo,
    Use,
    Uses,
    Verdict,
    key_to_ask,
    todo_of,
    together,
    use_of,
    verdict_of,
)

PLACE = Scope(endpoint="https://csms.example", project_id="p")
UUID = "0123abcd-0123-0123-0123-0123456789ab"


def facts(*, absent: bool) -> KeyFacts:
    return KeyFacts(project=PLACE, kms_key_id=UUID, absent=absent)


def use(how: Use, **more: object) -> KeyUse:
    return KeyUse(project=PLACE, account=None, secret_name="a", kms_key_id=UUID, use=how, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("stages", "expected"),
    [
        (("SYSCURRENT",), Use.CURRENT),
        (("SYSPREVIOUS",), Use.PREVIOUS),
        (("release-1", "SYSPREVIOUS"), Use.PREVIOUS),
        (("SYSPREVIOUS", "SYSCURRENT"), Use.CURRENT),
        (("release-1",), Use.OTHER),
        ((), Use.OTHER),
    ],
)
def test_a_version_counts_by_its_stages_and_also_without_any(stages: tuple[str, ...], expected: Use) -> None:
    assert use_of(stages) is expected


@pytest.mark.parametrize(
    ("uses", "absent", "projects", "whole", "expected"),
    [
        (Uses(), (False,), 1, True, Verdict.FREE),
        (Uses(), (False, True), 2, True, Verdict.FREE),
        (Uses(), (), 1, True, Verdict.FREE),
        (Uses(), (False,), 1, False, Verdict.INCOMPLETE),
        (Uses(), (True,), 1, True, Verdict.INCOMPLETE),
        (Uses(), (True, True), 2, True, Verdict.INCOMPLETE),
        (Uses(), (True,), 2, True, Verdict.FREE),
        (Uses(), (), 0, True, Verdict.INCOMPLETE),
        (Uses(pointer=1), (False,), 1, True, Verdict.NEEDED),
        (Uses(current=1), (False,), 1, False, Verdict.NEEDED),
        (Uses(previous=1), (True,), 1, True, Verdict.NEEDED),
        (Uses(other=1), (False,), 1, True, Verdict.NEEDED),
    ],
)
def test_the_verdict_on_one_key(
    uses: Uses, absent: tuple[bool, ...], projects: int, *, whole: bool, expected: Verdict
) -> None:
    told = [facts(absent=one) for one in absent]
    assert verdict_of(uses, told, projects=projects, whole=whole) is expected


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ((Verdict.FREE, Verdict.FREE), Verdict.FREE),
        ((Verdict.FREE, Verdict.INCOMPLETE), Verdict.INCOMPLETE),
        ((Verdict.FREE, Verdict.INCOMPLETE, Verdict.NEEDED), Verdict.NEEDED),
        ((), Verdict.INCOMPLETE),
    ],
)
def test_the_verdict_on_several_keys(verdicts: tuple[Verdict, ...], expected: Verdict) -> None:
    assert together(verdicts) is expected


@pytest.mark.parametrize(
    ("uses", "expected"),
    [
        ([use(Use.POINTER), use(Use.CURRENT)], Todo.MOVE_AND_RENEW),
        ([use(Use.POINTER), use(Use.OTHER, rotating=True)], Todo.MOVE_AND_ROTATE),
        ([use(Use.POINTER)], Todo.MOVE),
        ([use(Use.CURRENT), use(Use.OTHER)], Todo.RENEW),
        ([use(Use.CURRENT, rotating=True)], Todo.ROTATE),
        ([use(Use.PREVIOUS), use(Use.OTHER)], Todo.WAIT),
        ([use(Use.PREVIOUS), use(Use.OTHER, stages=("blue",))], Todo.MOVE_STAGE),
        ([use(Use.PREVIOUS, stages=("SYSPREVIOUS", "blue"))], Todo.MOVE_STAGE),
        ([use(Use.PREVIOUS, stages=("SYSPREVIOUS",))], Todo.WAIT),
        ([use(Use.CURRENT, frozen=True)], Todo.UNFREEZE),
        ([use(Use.POINTER, pending_deletion=True)], Todo.DELETE),
    ],
)
def test_what_the_owner_of_a_secret_has_to_do(uses: list[KeyUse], expected: Todo) -> None:
    assert todo_of(uses) is expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (UUID, UUID),
        (UUID.upper(), UUID),
        (UUID.replace("-", ""), UUID),
        ("Key-of-another-Form", "Key-of-another-Form"),
        ("x" * 32, "x" * 32),
    ],
)
def test_a_key_is_asked_for_in_the_spelling_that_kms_takes(given: str, expected: str) -> None:
    assert key_to_ask(given) == expected
