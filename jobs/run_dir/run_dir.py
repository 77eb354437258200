"""A run directory: how one is made and found, kept to one process, given room and swept."""

import shutil
import time
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Self

from jobs.problem import plain
from jobs.run_dir import names
from jobs.run_dir.durable import sweep_parts
from jobs.run_dir.filesystem import network_filesystem
from jobs.run_dir.lock import FileLock
from jobs.run_dir.room import require_room
from jobs.run_dir.scope_locks import Patience
from jobs.spec import UsageError

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """A folder with one run in it, or with one that is being loaded."""

    path: Path

    @classmethod
    def new(cls, path: Path | None, manifest: str, *, network_ok: bool) -> Self:
        """Makes a folder for a run, under a free name of its own where none is given.

        Raises:
            UsageError: it exists already, cannot be made, or would be on a network file system.
        """
        path = path or _free_name(manifest)
        _refuse_network(path, network_ok=network_ok)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.mkdir(mode=0o700)
        except FileExistsError:
            raise UsageError(f"{path}: exists already; give another --run-dir, or resume it") from None
        except OSError as error:
            raise UsageError(f"{path}: cannot be made: {error.strerror}") from error
        return cls(path)

    @classmethod
    def find(cls, path: Path, *, network_ok: bool = True) -> Self:
        """The run directory of that name; nothing is touched.

        Raises:
            UsageError: it is not one, and the message says what it is; or it is on a network file system.
        """
        if not _is_run_directory(path):
            raise UsageError(f"{path}: {_described(path)}")
        _refuse_network(path, network_ok=network_ok)
        return cls(path)

    @classmethod
    def within(cls, folder: Path) -> tuple[Self, ...]:
        """The run directories that a folder holds, by name; none where it is one itself, or no folder."""
        if _is_run_directory(folder) or not folder.is_dir():
            return ()
        return tuple(cls(path) for path in sorted(folder.iterdir()) if _is_run_directory(path))

    def lock(self, purpose: str, patience: Patience) -> FileLock:
        """Keeps every other process out.

        Raises:
            LockHeldError: another one is in it.
            OSError: its file cannot be made.
        """
        return patience.take(self.path / names.LOCK, purpose)

    def require_loaded(self) -> None:
        """Makes sure that there is a job in it; only the holder of the lock can know.

        Raises:
            UsageError: there is none.
        """
        if not (self.path / names.LEDGER).is_file():
            raise UsageError(f"{self.path}: its manifest was never fully loaded and nothing was sent; start a new run")

    def require_room(self, *, rows: int, manifest_bytes: int) -> None:
        """Makes sure that all a run writes will fit.

        Raises:
            OSError: it may not.
        """
        require_room(self.path, rows=rows, manifest_bytes=manifest_bytes)

    def sweep(self) -> None:
        """Removes what a killed process left half written; only the holder of the lock may."""
        sweep_parts(self.path)

    def discard(self) -> None:
        """Removes all of it: nothing was sent, so there is nothing to continue."""
        shutil.rmtree(self.path, ignore_errors=True)


def _free_name(manifest: str) -> Path:
    """A name by time and manifest that nobody has taken yet; one that is taken meanwhile is noticed by `mkdir`."""
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
    return any((path / name).is_file() for name in (names.LEDGER, names.LOCK))


def _described(path: Path) -> str:
    if not path.exists():
        return "no such run directory"
    if not path.is_dir():
        return "a file, not a run directory"
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
