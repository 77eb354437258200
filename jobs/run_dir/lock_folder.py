"""Where the locks of projects are: one folder for the whole machine where it has one, or else one of the user."""

import os
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

# All users may write there, and none may remove what others made; a machine without such a folder has no shared one.
_SHARED = (Path("/run/lock"), Path("/var/lock"))
_FOR_ALL = stat.S_ISVTX | 0o777


class Reach(StrEnum):
    """Which runs see each other's locks."""

    MACHINE = "on this machine"
    USER = "of this user"
    GIVEN = "with this --lock-dir"


@dataclass(frozen=True, slots=True)
class LockFolder:
    """A folder of locks. The name of a lock there begins with `prefix`, and only in the user's own folder is its file
    closed to others.
    """

    path: Path
    reach: Reach

    @property
    def prefix(self) -> str:
        """Set where the folder also holds files of other programs."""
        return "csms-rekey-" if self.reach is Reach.MACHINE else ""

    @property
    def shared(self) -> bool:
        """Whether other users lock the same files."""
        return self.reach is not Reach.USER


def lock_folder(given: Path | None = None) -> LockFolder:
    """The folder that was given, or the best there is.

    Raises:
        OSError: it cannot be made or written, or none can.
    """
    if given is not None:
        given.mkdir(mode=0o700, parents=True, exist_ok=True)
        return LockFolder(given, Reach.GIVEN)
    for folder in _SHARED:
        if _is_for_all(folder):
            return LockFolder(folder.resolve(), Reach.MACHINE)
    for folder in _of_user():
        if _is_own(folder):
            return LockFolder(folder, Reach.USER)
    raise OSError("no folder for locks: neither the user's state folder nor the temporary folder can be written")


def _of_user() -> Iterator[Path]:
    # A relative one means nothing (XDG Base Directory Specification), and without a home ~ stays unchanged.
    for state in (os.environ.get("XDG_STATE_HOME", ""), os.path.expanduser("~/.local/state")):  # noqa: PTH111 - no home, no error
        if Path(state).is_absolute():
            yield Path(state) / "csms-rekey" / "locks"
            break
    yield Path(tempfile.gettempdir()) / f"csms-rekey-{os.geteuid()}"


def _is_for_all(folder: Path) -> bool:
    """Only root can have made it so that no user takes away what others lock."""
    try:
        status = folder.stat()
    except OSError:
        return False
    for_all = stat.S_IMODE(status.st_mode) & _FOR_ALL == _FOR_ALL
    return for_all and status.st_uid == 0 and stat.S_ISDIR(status.st_mode) and os.access(folder, os.W_OK)


def _is_own(folder: Path) -> bool:
    """Made where it is missing; another user cannot have put it there."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and os.access(folder, os.W_OK)
