"""What an earlier job left in a run directory: whether a new one may start there, and where the old files go."""

import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from jobs.run_dir import names
from jobs.run_dir.durable import PART, sync_folder
from jobs.run_dir.own_file import make_folder

# What the root of a fresh file system has, as a volume in a container is one.
_NOT_OURS = frozenset({"lost+found"})
_COPY = f"{names.MANIFEST}.*"
_OF_A_JOB = (
    f"{names.RETRY}.*", f"{names.REJECTED}.*", "outcomes*.csv", "report*.html", "summary*.json",
    names.SUMS, names.STATE, names.LOG, names.RESERVE, "verify-*", "retire-*",
)  # fmt: skip


def is_of_a_run(name: str) -> bool:
    """Whether a run makes or moves files of this name in its directory."""
    known = (names.LOCK, f"{names.LEDGER}*", f"{PART}*", *names.KEPT_FOLDERS, _COPY, *_OF_A_JOB)
    return any(Path(name).match(pattern) for pattern in known)


def strangers(folder: Path) -> list[str]:
    """The names of what no run can have left in a directory that none uses; none where one may start there. Without a
    ledger, a manifest is a person's own.
    """
    found = (one.name for one in folder.iterdir() if one.name not in _NOT_OURS)
    return sorted(name for name in found if not is_of_a_run(name) or Path(name).match(_COPY))


def clear_unloaded(folder: Path) -> None:
    """Moves a manifest away that no ledger belongs to: into the folder of its job where `set_aside` was cut off, else
    into a new one. A load that was killed leaves one, but a person may have put it there too.

    Raises:
        OSError: it cannot be moved.
    """
    loaded = (folder / names.LEDGER).exists()
    copies = [] if loaded else sorted(one for one in folder.glob(_COPY) if not one.is_dir())
    if not copies:
        return
    kept = _lacking_manifest(folder) or _folder_for(folder, _stem(names.ABANDONED, copies[0].stat().st_mtime), copies)
    make_folder(kept, again=True)
    _move(copies, kept)


def set_aside(folder: Path, kind: str, loaded_at: float) -> Path:
    """Moves the files of a job into a separate folder beside the next one's, named after when it was loaded.

    The ledger moves after the reports: until then the job is still the one of the directory, with its manifest, and
    the next call moves the rest. The manifest comes last; cut off before that, `clear_unloaded` moves it. The ledger
    must be closed, so that it is one file.

    Raises:
        OSError: something cannot be moved.
    """
    if beside := [one.name for one in folder.glob(f"{names.LEDGER}-*")]:
        raise OSError(f"{folder}: {beside[0]} still belongs to the ledger")
    reports = sorted({one for pattern in _OF_A_JOB for one in folder.glob(pattern)})
    copies = sorted(folder.glob(_COPY))
    kept = _folder_for(folder, _stem(kind, loaded_at), [*reports, *copies])
    make_folder(kept, again=True)
    _move(reports, kept)
    _move([one for one in (folder / names.LEDGER,) if one.exists()], kept)
    _move(copies, kept)
    return kept


def _move(files: Sequence[Path], kept: Path) -> None:
    for one in files:
        one.replace(kept / one.name)
    for place in (kept, kept.parent):
        sync_folder(place)


def _stem(kind: str, at: float) -> str:
    return f"{kind}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(at))}"


def _folder_for(folder: Path, stem: str, moving: Sequence[Path]) -> Path:
    """The first that has no ledger, as a move that was cut off has left none there yet, nor any of these names."""
    candidates = (folder / (stem if number == 1 else f"{stem}-{number}") for number in count(1))
    taken = (names.LEDGER, *(one.name for one in moving))
    # A link would lead elsewhere.
    free = (path for path in candidates if not path.is_symlink())
    return next(path for path in free if not any((path / name).exists() for name in taken))


def _lacking_manifest(folder: Path) -> Path | None:
    """The folder of a job that was moved without its manifest."""
    kept = (path for pattern in names.KEPT_FOLDERS for path in folder.glob(pattern) if not path.is_symlink())
    lacking = (path for path in kept if (path / names.LEDGER).exists() and not any(path.glob(_COPY)))
    return max(lacking, key=lambda path: path.stat().st_mtime_ns, default=None)
