"""Says what a manifest's name leads to where that is not a file, and what to give in its place."""

import os
import re
import stat
from itertools import islice
from pathlib import Path

from jobs.problem import plain
from jobs.run_dir import names

_OPEN_FILE = re.compile(r"/dev/(stdin|fd/[0-9]+)|/proc/(self|thread-self|[0-9]+)/fd/[0-9]+")
_NOT_REGULAR = "is not a regular file; to read from a pipe, give - and send the manifest to standard input"
_MOST_COUNTED = 100_000


def other_than_file(manifest: str) -> str | None:
    """What is there in place of a file; None where it is one, or nothing that can be looked at."""
    if _OPEN_FILE.fullmatch(manifest):
        # Whatever it is, it can be read only once, and its name will mean nothing later.
        return _NOT_REGULAR
    try:
        mode = Path(manifest).stat().st_mode
        if stat.S_ISDIR(mode):
            return _folder(manifest)
    except (OSError, ValueError):
        return None
    return None if stat.S_ISREG(mode) else _NOT_REGULAR


def _folder(folder: str) -> str:
    """A run directory, or a data set: a folder of parts that programs wrote in parallel, beside files without rows."""
    if (Path(folder) / names.LEDGER).exists():
        return "is a run directory, not a manifest; `resume` continues it"
    with os.scandir(folder) as entries:
        found = (entry.name for entry in entries if entry.is_file() and not entry.name.startswith(("_", ".")))
        parts = sorted(islice(found, _MOST_COUNTED))
    match parts:
        case []:
            return "is a folder without files; give one file"
        case [only]:
            return f"is a folder that holds 1 file: give that one, {plain(only)}"
        case [first, *_]:
            return f"is a folder that holds {len(parts)} files, such as {plain(first)}; give one file"
        case _:
            raise AssertionError("unreachable")
