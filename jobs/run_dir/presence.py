"""Notices that a run directory or the ledger in it was deleted, moved or replaced while a run uses it."""

import errno
import os
from pathlib import Path

import msgspec

from jobs.run_dir import names
from jobs.run_dir.filesystem import network_filesystem

_LOG = f"{names.LEDGER}-wal"
_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ESTALE})


class Loss(msgspec.Struct, frozen=True, kw_only=True):
    """What happened. With `kept` the ledger still takes outcomes, although it does not stand where it was."""

    reason: str
    kept: bool


class Presence:
    """Knows the ledger and its log by their inodes, and keeps their folder open to find them where that was moved."""

    def __init__(self, folder: Path) -> None:
        """Looks at what is there now.

        Raises:
            OSError: the folder cannot be opened.
        """
        self._path = folder
        # Across a network a file may change its number; there only a file that is missing counts.
        self._by_number = network_filesystem(folder) is None
        self._folder = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._known: dict[str, tuple[int, int] | None] = {}
        self._known = {name: self._number(name) for name in (names.LEDGER, _LOG)}

    def close(self) -> None:
        """Lets go of the folder."""
        os.close(self._folder)

    def loss(self) -> Loss | None:
        """What has happened to them; None while they are in their place."""
        ledger, log = self._known[names.LEDGER], self._known[_LOG]
        if ledger is not None and self._number(names.LEDGER) != ledger:
            if self._number(names.LEDGER, moved=True) == ledger:
                return Loss(reason="the run directory was moved while the run was active", kept=True)
            what = "its ledger" if self._path.is_dir() else "the run directory"
            return Loss(reason=f"{what} was deleted or replaced while the run was active", kept=False)
        if log is not None and self._number(_LOG) != log:
            return Loss(reason=f"{_LOG} was deleted or replaced while the run was active", kept=True)
        return None

    def _number(self, name: str, *, moved: bool = False) -> tuple[int, int] | None:
        """Which file this is; None where it is missing. A disk that cannot say for the moment changes nothing."""
        try:
            found = os.stat(name, dir_fd=self._folder) if moved else (self._path / name).stat()
        except OSError as error:
            return None if error.errno in _GONE else self._known.get(name)
        return (found.st_dev, found.st_ino) if self._by_number else (0, 0)
