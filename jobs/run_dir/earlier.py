"""What an earlier job left in a run directory: whether a new one may start there, and where the old files go."""

import time
from itertools import count
from pathlib import Path

from jobs.run_dir import names
from jobs.run_dir.durable import PART, sync_folder

# What the root of a fresh file system has, as a volume in a container is one.
_NOT_OURS = frozenset({"lost+found"})
_OF_A_JOB = (
    f"{names.MANIFEST}.*", f"{names.RETRY}.*", f"{names.REJECTED}.*", "outcomes*.csv", "report*.html", "summary*.json",
    names.SUMS, names.STATE, names.LOG, names.RESERVE, "verify-*", "retire-*",
)  # fmt: skip


def strangers(folder: Path) -> list[str]:
    """The names of what no run leaves in its directory; none where a new run may start there."""
    known = (names.LOCK, names.LEDGER, f"{names.LEDGER}*", f"{PART}*", *names.KEPT_FOLDERS, *_OF_A_JOB, *_NOT_OURS)
    return sorted(one.name for one in folder.iterdir() if not any(one.match(pattern) for pattern in known))


def clear_unloaded(folder: Path) -> None:
    """Removes the manifest's copy of a load that was killed before its ledger was in place."""
    if not (folder / names.LEDGER).exists():
        for copy in folder.glob(f"{names.MANIFEST}.*"):
            copy.unlink()


def set_aside(folder: Path, kind: str, loaded_at: float) -> Path:
    """Moves the files of a job into a folder of their own beside the next one's, named after when it was loaded.

    The ledger moves last: whenever this is cut off, the job is still the one of the directory, and the next call
    moves the rest into the same folder. The ledger must be closed, so that it is one file.

    Raises:
        OSError: something cannot be moved.
    """
    if beside := [one.name for one in folder.glob(f"{names.LEDGER}-*")]:
        raise OSError(f"{folder}: {beside[0]} still belongs to the ledger")
    kept = _folder_for(folder, f"{kind}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(loaded_at))}")
    kept.mkdir(mode=0o700, exist_ok=True)
    moving = sorted({one for pattern in _OF_A_JOB for one in folder.glob(pattern)})
    for one in moving:
        one.replace(kept / one.name)
    for place in (kept, folder):
        sync_folder(place)
    if (folder / names.LEDGER).exists():
        (folder / names.LEDGER).replace(kept / names.LEDGER)
    for place in (kept, folder):
        sync_folder(place)
    return kept


def _folder_for(folder: Path, stem: str) -> Path:
    """The first that has no ledger: a move that was cut off has left none there yet."""
    candidates = (folder / (stem if number == 1 else f"{stem}-{number}") for number in count(1))
    return next(path for path in candidates if not (path / names.LEDGER).exists())
