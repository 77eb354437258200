"""The run's log: JSON lines into the run directory; constant event names, data in fields; it never stops a run.

Only fields that are known to be harmless are written, and every line passes the redactor last.
"""

import contextlib
import os
from pathlib import Path
from typing import IO, Any

import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict, WrappedLogger

from batch.redaction.redactor import PROCESS_REDACTOR
from jobs.printable import printable_json
from jobs.run_dir import names
from jobs.run_dir.own_file import open_own

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


FIELDS = frozenset(
    {
        *("event", "level", "timestamp", "exception"),
        *("row", "rows", "phase", "kind", "code", "http_status", "request_id", "attempts"),
        *("endpoint", "host", "project_id", "region", "kms_key_id", "reason", "rate", "wait_s", "seconds", "wave"),
        *("version", "exit_code", "stopped", "signal", "generation", "expires_s", "provider", "source"),
    }
)
"""What may stand in a line; anything else is named in `dropped` and left out."""


class _LossyFile:
    """Writes lines and counts those that a full or broken disk did not take: the ledger is the truth, not the log."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self.lost = 0

    def msg(self, line: str) -> None:
        """Writes one line, or drops it."""
        try:
            self._file.write(printable_json(PROCESS_REDACTOR.clean(line)) + "\n")
        except (OSError, ValueError):
            self.lost += 1

    def close(self) -> None:
        """Lets go of the file; lines that come later are lost."""
        with contextlib.suppress(OSError):
            self._file.close()

    debug = info = warning = error = critical = exception = log = msg


def start_log(folder: Path, level: str) -> _LossyFile:
    """Sends every event of this process to the run's log, which is for the caller to close.

    Raises:
        OSError: the file cannot be opened.
        ValueError: no such level.
    """
    if level not in _LEVELS:
        raise ValueError(f"{level!r} is not one of {', '.join(_LEVELS)}")
    descriptor = open_own(folder / names.LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    file = _LossyFile(os.fdopen(descriptor, "w", encoding="utf-8", buffering=1))
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _keep_known_fields,
            # Locals hold credentials.
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False, max_frames=20)),
            structlog.processors.JSONRenderer(serializer=_encode),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=lambda *_: file,
        cache_logger_on_first_use=False,
    )
    return file


def silence_log() -> None:
    """Drops every event: for commands without a run directory."""
    structlog.configure(processors=[_drop])


def _keep_known_fields(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    unknown = event.keys() - FIELDS - {"exc_info"}
    if not unknown:
        return event
    kept = {name: value for name, value in event.items() if name not in unknown}
    return {**kept, "dropped": sorted(unknown)}


def _drop(_logger: WrappedLogger, _method: str, _event: EventDict) -> EventDict:
    raise structlog.DropEvent


def _encode(event: EventDict, **_options: Any) -> str:
    import msgspec  # noqa: PLC0415 - only a run that logs needs it

    return msgspec.json.encode(event, enc_hook=lambda value: type(value).__name__).decode()
