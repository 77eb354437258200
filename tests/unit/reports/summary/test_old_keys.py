"""The notice about the old keys."""

from pathlib import Path

import pytest

from reports.summary.old_keys import old_key_notice
from reports.summary.sessions import KeySummary


def key(*old_keys: str, more: int = 0) -> KeySummary:
    counts = dict.fromkeys(("projects", "rows", "done", "fix_first", "run_again", "left_out"), 1)
    return KeySummary(kms_key_id="new", old_keys=old_keys, more_old_keys=more, state=None, **counts)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ((), "Keep the old key enabled"),
        ((key("K"),), "Keep the old key K enabled"),
        ((key("K"), key("k", "L")), "Keep the old keys k and L enabled"),
        ((key("NEW", "K"),), "Keep the old key K enabled"),
        ((key("K", "L", "M", "N", more=2),), "Keep the old keys K, L, M and 3 more enabled"),
    ],
)
def test_the_notice_names_the_old_keys_as_far_as_they_are_known(keys: tuple[KeySummary, ...], expected: str) -> None:
    assert old_key_notice(keys).partition(":")[0] == expected


def test_the_notice_gives_the_command_that_answers() -> None:
    """In words that fit one key, and several."""
    command = "csms-rekey retire 'runs/a b'"
    one, several = (old_key_notice(keys, Path("runs/a b")) for keys in ((key("K"),), (key("K", "L"),)))
    assert one.endswith(f"still needs the old key to be read. To see whether anything still needs it: {command}")
    assert several.endswith(
        f"still needs its old key to be read. To see whether anything still needs one of them: {command}"
    )
