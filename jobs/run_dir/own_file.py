"""Opens the files of a run directory by their names: none through a link, and none that a reader would wait for."""

import contextlib
import errno
import os
import stat
from pathlib import Path

MOST_BYTES = 64 << 20
"""More than any file holds that is read whole."""


def open_own(path: Path, flags: int) -> int:
    """A descriptor of a regular file, which is made 0600 where the flags ask for that.

    Anybody who can write to a run directory may put a pipe under any name in it: opening that would wait for ever.

    Raises:
        OSError: it cannot be opened, or is a link or no regular file.
    """
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    status = os.fstat(descriptor)
    mode = status.st_mode
    if stat.S_ISREG(mode):
        # One that is not new is not given away: the folder's owner may have put a link to something else there.
        if flags & os.O_CREAT and status.st_size == 0 and status.st_nlink == 1:
            leave_to_owner(descriptor, path.parent)
        return descriptor
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    raise OSError(errno.EINVAL, "not a regular file", str(path))


def read_own(path: Path, most_bytes: int = MOST_BYTES) -> bytes:
    """All that is in such a file.

    Raises:
        OSError: as `open_own`, or it is larger than any of its kind.
    """
    with os.fdopen(open_own(path, os.O_RDONLY), "rb") as file:
        if os.fstat(file.fileno()).st_size > most_bytes:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
        return file.read(most_bytes)


def leave_to_owner(descriptor: int, folder: Path) -> None:
    """Gives what root has just made to the owner of its folder, who works in it at other times, as the user of a
    service does, and could neither read it nor move it.
    """
    if os.geteuid() != 0:
        return
    owner = folder.stat()
    # In a container or on a network file system root may not be allowed to.
    with contextlib.suppress(OSError):
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def hand_over(path: Path, folder: Path) -> None:
    """The same by name, for what is going to be in that folder.

    Raises:
        OSError: it cannot be opened, or is a link.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        leave_to_owner(descriptor, folder)
    finally:
        os.close(descriptor)


def make_folder(path: Path, *, again: bool = False) -> None:
    """A folder for its owner only, who is that of the one around it; it may be there already where asked `again`.

    Raises:
        OSError: it cannot be made.
    """
    path.mkdir(mode=0o700, exist_ok=again)
    hand_over(path, path.parent)
