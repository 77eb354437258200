"""Puts reports into a run directory, never over a file that somebody changed since it was written."""

import contextlib
import hashlib
import os
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path

import msgspec

from jobs.run_dir import names
from jobs.run_dir.durable import HashingFile, sync_folder, whole_file
from jobs.run_dir.own_file import MOST_BYTES, open_own, read_own


class ReportFiles:
    """The reports of one run directory. `SHA256SUMS` says how each was written; while they are written again it names
    the old and the new of each, so that a process that is killed in between leaves nothing that looks changed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known = _known_in(folder)
        self._placed: dict[str, tuple[str, str]] = {}

    @contextlib.contextmanager
    def place(self, name: str) -> Iterator[HashingFile]:
        """Opens a file that appears whole or not at all; under a name with a number where `name` was changed. One that
        is there already, byte for byte, is not touched.

        Raises:
            OSError: the folder cannot be written.
        """
        with whole_file(self.folder / name, settle=self._settle) as file:
            yield file

    def name_of(self, name: str) -> str:
        """The name under which a file was placed."""
        return self._placed[name][0]

    @property
    def kept(self) -> tuple[tuple[str, str], ...]:
        """The files that somebody changed, and the names of the new ones beside them."""
        return tuple((name, placed) for name, (placed, _) in self._placed.items() if placed != name)

    def current(self, name: str, most_bytes: int = MOST_BYTES) -> Path | None:
        """The file that was written last under this name, or with a number; None where there is none, or somebody
        changed it since.

        Raises:
            OSError: a file cannot be read.
        """
        for path in self._candidates(name):
            if not path.exists():
                break
            if path.stat().st_size <= most_bytes and (path.name, _digest(path)) in self._known:
                return path
        return None

    def next_name(self, name: str) -> str:
        """The name under which a file would be placed now, unless it is there already.

        Raises:
            OSError: a file cannot be read.
        """
        return self._free(name, "")[0].name

    def withdraw(self, name: str) -> None:
        """Removes a file durably, also one with a number, but none that somebody changed.

        Raises:
            OSError: the folder cannot be written.
        """
        for path in self._candidates(name):
            if not path.exists():
                break
            if path.is_symlink() or (path.name, _digest(path)) in self._known:
                if not (self.folder / names.SUMS).exists():
                    # What an earlier release wrote is known by its summary alone, which goes now.
                    self._record()
                path.unlink()
        sync_folder(self.folder)

    def seal(self, also: Iterable[tuple[str, str]]) -> None:
        """Writes the sums of all that was placed, and of `also`: names and SHA-256 of files that never change.

        Raises:
            OSError: the folder cannot be written.
        """
        self._known = {*self._placed.values(), *also}
        self._record()

    def _settle(self, part: HashingFile, final: Path) -> Path | None:
        """Where a file goes that is complete but has no name yet; None where it is there already."""
        path, there = self._free(final.name, part.sha256)
        self._placed[final.name] = (path.name, part.sha256)
        if self._placed[final.name] not in self._known:
            self._known.add(self._placed[final.name])
            self._record()
        return None if there == part.sha256 else path

    def _free(self, name: str, sha256: str) -> tuple[Path, str | None]:
        """The first place that holds no other writer's file, or the very same, and the SHA-256 of what is there."""
        return next(
            (path, there)
            for path in self._candidates(name)
            # A link is replaced, never followed.
            for there in (_digest(path) if path.exists() and not path.is_symlink() else None,)
            if there is None or there == sha256 or (path.name, there) in self._known
        )

    def _candidates(self, name: str) -> Iterator[Path]:
        stem, suffix = Path(name).stem, Path(name).suffix
        yield self.folder / name
        yield from (self.folder / f"{stem}.{number}{suffix}" for number in count(2))

    def _record(self) -> None:
        with whole_file(self.folder / names.SUMS) as file:
            file.write("".join(f"{digest}  {name}\n" for name, digest in sorted(self._known)).encode())


class _Written(msgspec.Struct):
    name: str
    sha256: str


class _Summary(msgspec.Struct):
    files: tuple[_Written, ...] = ()


def _known_in(folder: Path) -> set[tuple[str, str]]:
    """Names and SHA-256 of the reports as they were written; of an earlier release by its summary, if that is there."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        lines = read_own(folder / names.SUMS).decode().splitlines()
        return {(name, digest) for digest, _, name in (line.partition("  ") for line in lines)}
    with contextlib.suppress(OSError, msgspec.DecodeError):
        text = read_own(folder / names.SUMMARY)
        written = {(one.name, one.sha256) for one in msgspec.json.decode(text, type=_Summary).files}
        return {*written, (names.SUMMARY, hashlib.sha256(text).hexdigest())}
    return set()


def _digest(path: Path) -> str:
    if not path.is_file() and not path.is_dir():
        # A pipe or a device: nothing that was written here.
        return ""
    with os.fdopen(open_own(path, os.O_RDONLY), "rb") as raw:
        return hashlib.file_digest(raw, "sha256").hexdigest()
