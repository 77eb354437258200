"""The output directory of a command that only looks: new, empty, or the one that the same command left unfinished."""

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
from jobs.run_dir.durable import PART, sweep_parts, sync_folder, whole_file
from jobs.run_dir.filesystem import network_filesystem
from jobs.run_dir.lock import FileLock
from jobs.run_dir.own_file import make_folder
from jobs.run_dir.scope_locks import Patience
from jobs.spec import UsageError

_NOT_OURS = frozenset({"lost+found"})
_SOURCE, _BLOCK = "source", 1 << 20


@dataclass(frozen=True, slots=True)
class LookDirectory:
    """A folder for sightings and what is written of them; `made` by this process, or there before it."""

    path: Path
    made: bool = False

    @classmethod
    def claim(cls, path: Path | None, default: Path, *, network_ok: bool) -> Self:
        """The folder of that name, or else a new one under `default`, with a number where that is taken.

        Raises:
            UsageError: it holds other things, cannot be made, or is on a network file system.
        """
        path = path or _free(default)
        if not network_ok and (kind := network_filesystem(path)) is not None:
            raise UsageError(
                f"{path}: on {kind}, which may lose what is kept there; use a local disk, or --allow-network-fs"
            )
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            make_folder(path)
        except FileExistsError:
            _require_ours(path)
            return cls(path)
        except OSError as error:
            raise UsageError(f"{path}: cannot be made: {error.strerror}") from error
        return cls(path, made=True)

    @classmethod
    def find(cls, path: Path) -> Self | None:
        """The folder of that name, if something was looked at there."""
        # Unlike the method of a path, this knows no errors: a name that nothing can have is that of no folder.
        return cls(path) if os.path.isfile(path / names.SIGHTINGS) else None  # noqa: PTH113 - see above

    @classmethod
    def within(cls, folder: Path) -> tuple[Self, ...]:
        """Those that a folder holds, by name; none where it cannot be read."""
        with contextlib.suppress(OSError):
            return tuple(found for one in sorted(folder.iterdir()) if (found := cls.find(one)) is not None)
        return ()

    @property
    def source(self) -> Path | None:
        """The copy of the manifest that it is about, where it keeps one."""
        return next(self.path.glob(f"{_SOURCE}.*"), None)

    def keep_source(self, copy: Path) -> None:
        """Keeps a copy of a manifest, named as such by its endings.

        Raises:
            OSError: it cannot be written.
        """
        with copy.open("rb") as raw, whole_file(self.path / f"{_SOURCE}{''.join(copy.suffixes)}") as out:
            while block := raw.read(_BLOCK):
                out.write(block)

    def drop_source(self) -> None:
        """Removes that copy, which nothing needs any more."""
        if (source := self.source) is not None:
            source.unlink()

    def lock(self, purpose: str, patience: Patience) -> FileLock:
        """Keeps every other process out.

        Raises:
            LockHeldError: another one is in it.
            OSError: its file cannot be made.
        """
        return patience.take(self.path / names.LOCK, purpose)

    def sweep(self) -> None:
        """Removes what a killed process left half written; only the holder of the lock may."""
        sweep_parts(self.path)

    @contextlib.contextmanager
    def staging(self) -> Iterator[Path]:
        """A folder in it for what is not ready yet, on the same file system; it goes when the block ends, and is swept
        where its process was killed.
        """
        with tempfile.TemporaryDirectory(prefix=PART, dir=self.path) as folder:
            yield Path(folder)

    def take_in(self, staged: Path) -> None:
        """Puts sightings that were made in `staging` in place of those that are there.

        Raises:
            OSError: they cannot be moved.
        """
        (staged / names.SIGHTINGS).replace(self.path / names.SIGHTINGS)
        sync_folder(self.path)

    @contextlib.contextmanager
    def or_nothing(self) -> Iterator[None]:
        """Leaves no new directory behind when the block fails before anything was asked; only for the holder of the
        lock.
        """
        try:
            yield
        except BaseException:
            if self.made and not (self.path / names.LOG).exists():
                shutil.rmtree(self.path, ignore_errors=True)
            raise


def moment_name() -> str:
    """The time of now as a part of a name."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())


def _free(default: Path) -> Path:
    candidates = (default if number == 1 else default.with_name(f"{default.name}-{number}") for number in count(1))
    return next(path for path in candidates if not path.exists())


def _require_ours(path: Path) -> None:
    if not path.is_dir():
        raise UsageError(f"{path}: exists already and is not a directory; give another --out")
    try:
        found = sorted(one.name for one in path.iterdir() if one.name not in _NOT_OURS)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    others = [name for name in found if name != names.LOCK and not name.startswith(PART)]
    if others and names.SIGHTINGS not in others:
        raise UsageError(f"{path}: holds other things ({plain(others[0])}); give a new or an empty --out")
