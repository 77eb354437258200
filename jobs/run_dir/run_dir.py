"""A run directory: how one is made and found, kept to one process, given room and swept."""

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Self

from jobs.problem import plain
from jobs.run_dir import names
from jobs.run_dir.durable import PART, sweep_parts, sync_folder
from jobs.run_dir.earlier import clear_unloaded, is_of_a_run, strangers
from jobs.run_dir.filesystem import network_filesystem
from jobs.run_dir.lock import FileLock
from jobs.run_dir.own_file import hand_over
from jobs.run_dir.report_files import ReportFiles
from jobs.run_dir.room import require_room
from jobs.run_dir.scope_locks import Patience
from jobs.spec import UsageError

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """A folder with one run in it, or with one that is being loaded; `made` by this process, or there before it."""

    path: Path
    made: bool = False

    @classmethod
    def claim(cls, path: Path | None, manifest: str, *, network_ok: bool) -> Self:
        """A folder for a run: a new one, under a free name where none is given, or one that is there and
        has nothing in it but what runs leave. Nothing is touched in that one; what it needs is for its holder to say.

        Raises:
            UsageError: it holds other things, cannot be made, or is on a network file system.
        """
        given, path = path, path or _free_name(manifest)
        _refuse_network(path, network_ok=network_ok)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.mkdir(mode=0o700)
        except FileExistsError:
            if given is None and path.exists():
                # Another run of the same second has taken the name meanwhile.
                return cls.claim(None, manifest, network_ok=network_ok)
            _require_ours(path)
            return cls(path)
        except OSError as error:
            raise UsageError(f"{path}: cannot be made: {error.strerror}") from error
        return cls(path, made=True)

    @classmethod
    def find(cls, path: Path, *, network_ok: bool = True) -> Self:
        """The run directory of that name; nothing is touched.

        Raises:
            UsageError: it is not one, and the message says what it is; or it is on a network file system.
        """
        with _readable(path):
            if not _is_run_directory(path):
                raise UsageError(f"{path}: {_described(path)}")
        _refuse_network(path, network_ok=network_ok)
        return cls(path)

    @classmethod
    def is_one(cls, path: Path) -> bool:
        """Whether a run directory has that name."""
        return _is_run_directory(path)

    @classmethod
    def within(cls, folder: Path) -> tuple[Self, ...]:
        """The run directories that a folder holds, by name; none where it is one itself, or no folder.

        Raises:
            UsageError: the folder cannot be read.
        """
        with _readable(folder):
            if _is_run_directory(folder) or not folder.is_dir():
                return ()
            return tuple(cls(path) for path in sorted(folder.iterdir()) if _is_run_directory(path))

    def lock(self, purpose: str, patience: Patience) -> FileLock:
        """Keeps every other process out.

        Raises:
            LockHeldError: another one is in it.
            UsageError: another one has removed it.
            OSError: its file cannot be made.
        """
        return self._take(purpose, patience)

    def look(self, patience: Patience) -> FileLock:
        """The same for a holder that does not know yet whether it has anything to do; nothing is written.

        Raises:
            LockHeldError: another one is in it.
            UsageError: another one has removed it.
            OSError: its file cannot be made.
        """
        return self._take(None, patience)

    def _take(self, purpose: str | None, patience: Patience) -> FileLock:
        try:
            return patience.take(self.path / names.LOCK, purpose)
        except FileNotFoundError:
            # The one that made it could not start, and left nothing behind.
            raise UsageError(f"{self.path}: another process has removed it; nothing was sent, try again") from None

    @property
    def reported(self) -> bool:
        """Whether its reports are complete: one that somebody changed says nothing."""
        return ReportFiles(self.path).current(names.SUMMARY) is not None

    @property
    def loaded(self) -> bool:
        """Whether there is a job in it; only the holder of the lock can know."""
        return (self.path / names.LEDGER).is_file()

    def require_loaded(self) -> None:
        """Makes sure that there is a job in it; only the holder of the lock can know.

        Raises:
            UsageError: there is none.
        """
        if not self.loaded:
            raise UsageError(
                f"{self.path}: its manifest was never fully loaded and nothing was sent;"
                f" run it with the same command again, or with `csms-rekey go MANIFEST --run-dir {self.path}`"
            )

    def refuse_own(self, manifest: str) -> None:
        """Makes sure that a manifest is none of the files that a run writes here, and would move or replace.

        Raises:
            UsageError: it is one.
        """
        path = Path(manifest)
        # `resolve` raises over a loop of links.
        if os.path.realpath(path.parent) == os.path.realpath(self.path) and is_of_a_run(path.name):
            raise UsageError(f"{manifest}: belongs to the run of this directory; copy it elsewhere first")

    def require_room(self, *, rows: int, manifest_bytes: int) -> None:
        """Makes sure that all a run writes will fit.

        Raises:
            OSError: it may not.
        """
        require_room(self.path, rows=rows, manifest_bytes=manifest_bytes)

    def sweep(self) -> None:
        """Removes what a killed process left half written; only the holder of the lock may."""
        sweep_parts(self.path)
        clear_unloaded(self.path)

    @contextlib.contextmanager
    def staging(self) -> Iterator[Path]:
        """A folder in it for a job that is being loaded, on the same file system; it goes when the block ends, and is
        swept where its process was killed.
        """
        with tempfile.TemporaryDirectory(prefix=PART, dir=self.path) as folder:
            yield Path(folder)

    def take_in(self, staged: Path, manifest: str) -> None:
        """Puts a job that was loaded in `staging` in place; the ledger comes last, so that there is a job or none.

        Raises:
            OSError: a file cannot be moved.
        """
        for name in (manifest, names.LEDGER):
            hand_over(staged / name, self.path)
            (staged / name).replace(self.path / name)
            sync_folder(self.path)

    @contextlib.contextmanager
    def or_nothing(self) -> Iterator[None]:
        """Leaves no new directory behind when the block fails before a session has begun: nothing was sent, so there is
        nothing to continue. Only the holder of the lock may: another process may take a new directory at
        once, and what that has left stays.
        """
        new = self.made and all(one.name == names.LOCK for one in self.path.iterdir())
        try:
            yield
        except BaseException:
            if new and not (self.path / names.LOG).exists():
                shutil.rmtree(self.path, ignore_errors=True)
            raise


def _require_ours(path: Path) -> None:
    if not path.is_dir():
        raise UsageError(f"{path}: exists already and is not a directory; give another --run-dir")
    with _readable(path):
        found = strangers(path)
    if found and not _is_run_directory(path):
        raise UsageError(f"{path}: holds other things ({plain(found[0])}); give a new or an empty --run-dir")


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(f"{plain(str(path))}: cannot be read: {error.strerror}") from error


def _free_name(manifest: str) -> Path:
    """A name by time and manifest that is free; one that is taken meanwhile is noticed by `mkdir`."""
    stem = "stdin" if manifest == "-" else Path(manifest).name.split(".")[0] or "manifest"
    name = f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{stem}"
    candidates = (Path("runs") / (name if number == 1 else f"{name}-{number}") for number in count(1))
    return next(path for path in candidates if not path.exists())


def _refuse_network(path: Path, *, network_ok: bool) -> None:
    if not network_ok and (kind := network_filesystem(path)) is not None:
        raise UsageError(
            f"{path}: on {kind}, which may lose a ledger or its locks; use a local disk, or --allow-network-fs"
        )


def _is_run_directory(path: Path) -> bool:
    # Unlike the methods of a path, this knows no errors: a name that cannot be looked at is none.
    found = [os.path.isfile(path / name) for name in (names.SIGHTINGS, names.LEDGER, names.LOCK)]  # noqa: PTH113 - see above
    return any(found) and not found[0]


def _described(path: Path) -> str:
    if not path.exists():
        return "no such run directory"
    if not path.is_dir():
        return "a file, not a run directory"
    if (path / names.SIGHTINGS).is_file():
        return "the result of a plan, verify or retire, not a run directory; its page is the .html file there"
    found = sorted((plain(entry.name) for entry in path.iterdir() if _is_run_directory(entry)), reverse=True)
    match found:
        case []:
            what = f"no {names.LEDGER}" if any(path.iterdir()) else "nothing"
        case [only]:
            what = f"1 run directory: {only}; name it"
        case _:
            more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
            what = f"{len(found)} run directories: {', '.join(found[:_SHOWN])}{more}; name one"
    return f"not a run directory: it holds {what}"
