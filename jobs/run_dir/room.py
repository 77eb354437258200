"""Room on the disk: enough before anything is sent, and a reserve that lets a run that fills it end well.

Three things keep a full disk from costing an outcome. `require_room` refuses a run that would not fit. The ledger grows
its own file and log before the first request (`jobs.ledger.schema.take_room`), so that recording needs nothing more on
a disk that others fill meanwhile. The `Reserve` covers what neither can know: long messages, a commit under way.
"""

import contextlib
import os
import shutil
from pathlib import Path

from jobs.run_dir import names

_LEAST_BYTES = 16 << 20
# A row's growth in the ledger and its log, its line in the outcomes and, at worst, in the rejected file.
_BYTES_PER_ROW = 1_024
_RESERVE_BYTES = 4 << 20


def require_room(folder: Path, *, rows: int, manifest_bytes: int) -> None:
    """Checks that ledger, reports and log of a run will fit.

    Raises:
        OSError: they may not, or the folder is missing.
    """
    require_free(folder, _LEAST_BYTES + _RESERVE_BYTES + rows * _BYTES_PER_ROW + 2 * manifest_bytes)


def require_free(folder: Path, needed: int) -> None:
    """Checks that so many bytes are free.

    Raises:
        OSError: they are not, or the folder is missing.
    """
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OSError(f"{folder}: {free >> 20} MiB free, a run of this size may need {needed >> 20} MiB")


class Reserve:
    """A file that is in the way until room is needed: once it is removed, the last outcomes of a run fit."""

    def __init__(self, folder: Path) -> None:
        """Takes the room at once.

        Raises:
            OSError: there is none.
        """
        self._path = folder / names.RESERVE
        # What a killed run left, or anything else of its name, is not written to.
        self._path.unlink(missing_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, _RESERVE_BYTES)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self._path)) from error
        finally:
            os.close(descriptor)

    def release(self) -> bool:
        """Gives the room back; False where that has been done before."""
        with contextlib.suppress(OSError):
            self._path.unlink()
            return True
        return False
