"""What a command can end with besides an outcome: one error boundary, one line, one exit code."""

import errno
import traceback
from collections.abc import Callable
from pathlib import Path

from batch.csms.auth import CredentialError, LoginRefusedError
from batch.fleet.lease import LeaseHeldError
from jobs.ledger import LedgerError
from jobs.problem import ManifestError
from jobs.run_dir import names
from jobs.run_dir.lock import LockHeldError
from jobs.spec import SpecError, UsageError
from reports import Exit, ReportError

_READ_ONLY = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_COPY = "; if you may only read this directory, make a copy of it and use that"


def guarded(command: Callable[[], int], say: Callable[[str], None]) -> int:
    """Runs a command; an expected error becomes one line and its exit code, any other passes."""
    try:
        return command()
    except LoginRefusedError as error:
        say(str(error))
        return Exit.STOPPED_EARLY
    except (UsageError, SpecError, ManifestError, CredentialError) as error:
        say(str(error))
        return Exit.USAGE
    except (LockHeldError, LeaseHeldError) as error:
        say(str(error))
        return Exit.LOCKED
    except (LedgerError, ReportError, OSError) as error:
        # What the network does is never an OSError here: the client makes values of it.
        say(_said(error))
        return Exit.CANNOT_WRITE
    except Exception:  # noqa: BLE001 - the last boundary: an unexpected error has a separate exit code
        traceback.print_exc()
        say("internal error; what was recorded is safe, `status` and `report` tell it")
        return Exit.INTERNAL


def _said(error: LedgerError | ReportError | OSError) -> str:
    """The system's own errors like all others: the place, then the reason, and no number."""
    if not isinstance(error, OSError) or not error.strerror:
        return str(error)
    if error.filename:
        hint = _COPY if error.errno in _READ_ONLY and Path(error.filename).name == names.LOCK else ""
        return f"{error.filename}: {error.strerror}{hint}"
    if isinstance(error, FileNotFoundError) and _is_nowhere():
        return "the current directory was removed: change to another one"
    return error.strerror


def _is_nowhere() -> bool:
    try:
        Path.cwd()
    except FileNotFoundError:
        return True
    return False
