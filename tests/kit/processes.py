"""Which process has started which, by what the kernel says."""

import contextlib
from pathlib import Path


def parent_of(pid: int) -> int:
    """0 where there is no such process."""
    with contextlib.suppress(OSError):
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
        return int(text.rpartition(")")[2].split()[1])
    return 0


def children_of(pid: int) -> list[int]:
    """Those that have not ended, or whose end has not been asked for."""
    every = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]
    return [one for one in every if parent_of(one) == pid]
