"""Opens the files of a run directory by their names: none through a link, and none that a reader would wait for."""

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
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
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
