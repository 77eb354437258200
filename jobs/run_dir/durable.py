"""Files that exist whole or not at all, readable by their owner only."""

import contextlib
import errno
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

from jobs.run_dir.own_file import leave_to_owner

PART = ".part-"
"""How the names of files begin that are not whole yet."""
_NO_LINKS = frozenset({errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.EMLINK})
"""What file systems without hard links say."""


class HashingFile:
    """A binary file that knows the SHA-256 and the size of what has been written to it."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self._sha256 = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        """Writes all of `data`.

        Raises:
            OSError: the disk is full or broken.
        """
        self._raw.write(data)
        self._sha256.update(data)
        self.size += len(data)
        return len(data)

    @property
    def sha256(self) -> str:
        """Hex digest of everything written so far."""
        return self._sha256.hexdigest()


@contextlib.contextmanager
def whole_file(
    final: Path, *, durable: bool = True, settle: Callable[[HashingFile, Path], Path | None] | None = None
) -> Iterator[HashingFile]:
    """Opens a file that appears under its name only when the block ends well, and then durably unless asked otherwise;
    `settle` may choose another name for it once it is complete, or None where it is not needed.

    It is written beside its target under a temporary name (created exclusively, 0600, so no link is followed), synced
    to disk, renamed over the target - which replaces a symbolic link rather than what it points to - and the folder is
    synced. When the block fails, the target is untouched and the part is removed.

    Raises:
        OSError: the folder cannot be written.
    """
    descriptor, name = _part_of(final)
    try:
        with os.fdopen(descriptor, "wb") as raw:
            file = HashingFile(cast("BinaryIO", raw))
            yield file
            raw.flush()
            if durable:
                os.fsync(raw.fileno())
        settled = final if settle is None else settle(file, final)
        if settled is None:
            Path(name).unlink()
        else:
            Path(name).replace(settled)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
    if durable:
        sync_folder(final.parent)


def _part_of(final: Path) -> tuple[int, str]:
    descriptor, name = tempfile.mkstemp(prefix=f"{PART}{final.name}-", dir=final.parent)
    leave_to_owner(descriptor, final.parent)
    return descriptor, name


@contextlib.contextmanager
def new_file(final: Path) -> Iterator[HashingFile]:
    """The same for a file that must not be there yet, also not by the end of the block.

    Raises:
        FileExistsError: it is there.
        OSError: the folder cannot be written.
    """
    if os.path.lexists(final):
        raise FileExistsError(errno.EEXIST, "exists already", str(final))
    descriptor, name = _part_of(final)
    try:
        with os.fdopen(descriptor, "wb") as raw:
            yield HashingFile(cast("BinaryIO", raw))
            raw.flush()
            os.fsync(raw.fileno())
        _settle_new(Path(name), final)
    finally:
        with contextlib.suppress(OSError):
            Path(name).unlink()
    sync_folder(final.parent)


def _settle_new(part: Path, final: Path) -> None:
    try:
        # Unlike a rename, this never replaces anything.
        os.link(part, final)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # Takes the name, so that of two who come this way at once one is refused.
        os.close(os.open(final, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        part.replace(final)


def require_plain(path: Path) -> None:
    """Makes sure that a file whose name somebody gave may be replaced: a device such as /dev/null, a pipe or a link
    such as /dev/stdout would be lost for everybody on the machine.

    Raises:
        FileExistsError: the name is taken by something else than a file; a folder stops the rename itself.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise FileExistsError(errno.EEXIST, "exists and is not a plain file, so it is not replaced", str(path))


def rename_durably(part: Path, final: Path) -> None:
    """Syncs a closed file to disk and gives it its final name.

    Raises:
        OSError: the disk is full or broken.
    """
    descriptor = os.open(part, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    part.replace(final)
    sync_folder(final.parent)


def sync_folder(folder: Path) -> None:
    """Makes names in a folder durable.

    Raises:
        OSError: the disk is broken.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep_parts(folder: Path) -> None:
    """Removes what writers that were killed left behind; call it only while holding the folder's lock."""
    for part in folder.glob(f"{PART}*"):
        if part.is_dir() and not part.is_symlink():
            shutil.rmtree(part, ignore_errors=True)
            continue
        with contextlib.suppress(OSError):
            part.unlink()
