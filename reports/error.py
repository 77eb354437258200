"""The one way in which writing or reading a report fails."""

import contextlib
import shlex
from collections.abc import Iterator
from pathlib import Path

from jobs.printable import printable
from jobs.problem import ManifestError


class ReportError(Exception):
    """A report cannot be written or read; `path` is the file at fault, `reason` the system's own word or ours."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


def written_later(folder: Path, error: ReportError) -> ReportError:
    """The same for a run that has ended, with the command that writes its reports then."""
    again = printable(shlex.join(("csms-rekey", "report", str(folder))))
    cure = f"every outcome is in the ledger, and `{again}` writes the reports once that is mended"
    return ReportError(error.path, f"{error.reason}; {cure}")


@contextlib.contextmanager
def blaming(path: Path) -> Iterator[None]:
    """Turns what the system says inside the block into a `ReportError` about `path`.

    Raises:
        ReportError: the disk is full or broken, or the manifest's copy can no longer be read.
    """
    try:
        yield
    except OSError as error:
        raise ReportError(path, error.strerror or str(error)) from error
    except ManifestError as error:
        raise ReportError(path, str(error.problem)) from error
