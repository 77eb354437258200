"""Which files of credentials are private enough, and what is said of the others."""

import os
from pathlib import Path

import pytest

from batch.csms.auth import CredentialError
from batch.csms.auth.private_file import FileAccess, exposed, read_private

ROOT, US, OTHER = 0, 1000, 1001
OURS, THEIRS = 1000, 1001


@pytest.mark.parametrize(
    ("mode", "owner", "group"),
    [
        (0o600, US, THEIRS),
        (0o400, US, OURS),
        (0o400, ROOT, OURS),
        (0o440, ROOT, OURS),
        (0o640, ROOT, OURS),
        (0o4600, US, OURS),
    ],
)
def test_a_file_of_ours_or_one_that_root_gave_to_our_group_is_taken(mode: int, owner: int, group: int) -> None:
    access = FileAccess(mode=0o100000 | mode, owner=owner, group=group, read_only=True)
    assert exposed(access, US, {OURS, 3000}) is None


@pytest.mark.parametrize(
    ("mode", "owner", "group", "read_only", "cure"),
    [
        (0o640, US, OURS, False, "run chmod 600 on it"),
        (0o604, US, OURS, False, "run chmod 600 on it"),
        (0o620, US, OURS, False, "run chmod 600 on it"),
        (0o444, ROOT, OURS, False, "it belongs to another user: copy it"),
        (0o440, ROOT, THEIRS, False, "it belongs to another user: copy it"),
        (0o460, ROOT, OURS, False, "it belongs to another user: copy it"),
        (0o440, OTHER, OURS, False, "it belongs to another user: copy it"),
        (0o644, ROOT, OURS, True, "its file system is read-only: mount it with mode 0400"),
        (0o640, US, OURS, True, "its file system is read-only: mount it with mode 0400"),
    ],
)
def test_any_other_is_refused_with_a_cure_that_is_possible_there(
    mode: int,
    owner: int,
    group: int,
    read_only: bool,  # noqa: FBT001 - a column of the table
    cure: str,
) -> None:
    access = FileAccess(mode=0o100000 | mode, owner=owner, group=group, read_only=read_only)
    said = exposed(access, US, {OURS, 3000})
    assert said is not None
    assert said.startswith(cure)


def test_to_root_itself_a_group_of_its_own_is_a_stranger() -> None:
    """It can change the mode, so it should."""
    access = FileAccess(mode=0o100640, owner=ROOT, group=ROOT, read_only=False)
    assert exposed(access, ROOT, {ROOT}) == "run chmod 600 on it"


def test_a_secret_is_read_through_the_links_of_its_mount(tmp_path: Path) -> None:
    """As Kubernetes lays it out, so that all files of a secret change at once."""
    (tmp_path / "..2026_11_27").mkdir()
    held = tmp_path / "..2026_11_27" / "token"
    held.write_text("t", encoding="ascii")
    held.chmod(0o400)
    (tmp_path / "..data").symlink_to("..2026_11_27")
    (tmp_path / "token").symlink_to("..data/token")
    read = read_private(tmp_path / "token")
    assert (read.text, read.again) == ("t", True)


def test_what_the_system_says_of_a_file_is_what_is_judged(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.touch()
    path.chmod(0o644)
    with pytest.raises(CredentialError, match=r"token: others may read it; run chmod 600 on it$"):
        read_private(path)
    with pytest.raises(CredentialError, match="not a file"):
        read_private(Path(os.devnull))


@pytest.mark.parametrize(
    ("mode", "owner", "user", "read_only", "taken"),
    [
        # As Kubernetes projects a token where the pod names no user, and where it does.
        (0o644, ROOT, US, True, True),
        (0o644, ROOT, ROOT, True, True),
        (0o600, US, US, True, True),
        (0o444, ROOT, US, False, True),
        (0o664, ROOT, US, True, False),
        (0o646, ROOT, US, True, False),
        # Whose it is can change that, and should.
        (0o644, US, US, False, False),
        (0o644, ROOT, ROOT, False, False),
        (0o644, OTHER, US, True, False),
    ],
)
def test_a_projected_token_may_be_readable_where_root_alone_can_change_that(
    mode: int,
    owner: int,
    user: int,
    read_only: bool,  # noqa: FBT001 - a column of the table
    taken: bool,  # noqa: FBT001 - the same
) -> None:
    access = FileAccess(mode=0o100000 | mode, owner=owner, group=ROOT, read_only=read_only)
    assert (exposed(access, user, {OURS}, projected=True) is None) == taken
