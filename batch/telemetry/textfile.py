"""Says whether the file of metrics may be put where an option wants it: never in place of something else."""

import os
from pathlib import Path

from jobs.run_dir.durable import require_plain

_OURS = b"csms_rekey_"
_LOOKED_AT_BYTES = 4_096


def unfit(path: Path) -> str | None:
    """Why the file cannot go there; None where it can, for the first time or over the figures of an earlier run.

    Putting a file there replaces what has the name: for root also a device such as /dev/null.
    """
    if not os.access(path.parent, os.W_OK):
        return f"{path.parent}: there is no such folder, or it cannot be written to"
    try:
        reason = _unlike(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        reason = error.strerror
    return None if reason is None else f"{path}: {reason}"


def _unlike(path: Path) -> str | None:
    # A device is not opened: for some that alone does something.
    require_plain(path)
    with path.open("rb") as file:
        head = file.read(_LOOKED_AT_BYTES)
    return None if not head or _OURS in head else "holds something else, which it would replace"
