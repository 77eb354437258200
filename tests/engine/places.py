"""Where simulations keep their run directories: in memory where there is such a place; a sync costs nothing there."""

import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108 - only a faster place, used through tempfile


def room() -> Path:
    """A new folder, in memory where there is such a place."""
    return Path(tempfile.mkdtemp(prefix="csms-rekey-test-", dir=MEMORY if MEMORY.is_dir() else None))
