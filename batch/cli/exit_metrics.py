"""Has the file of metrics tell every end, also one with nothing to sum up, so that yesterday's figures never stay."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from batch.cli.job_file import given_as, read_job_file
from batch.cli.screen import say
from batch.telemetry.textfile import unfit
from jobs.spec import UsageError

_COMMANDS = frozenset({"run", "resume", "go"})
_NOT_A_RUN = frozenset({"--help", "-h", "--version", "-V"})
_OPTION = "metrics-textfile"


class ExitMetrics:
    """Made before the command line is read, as that may fail too; `write` is the last thing that a process does."""

    def __init__(self, words: Sequence[str], environment: Mapping[str, str]) -> None:
        self._path = textfile_of(words, environment)
        self._before = _identity(self._path)

    def write(self, exit_code: int) -> None:
        """Writes how it ended, unless the run itself has written more."""
        path = self._path
        if path is None or _identity(path) != self._before:
            return
        if unfit(path) is not None:
            # That was reported as a wrong option, and what is there may be somebody else's.
            return
        from batch.telemetry.metrics import write_exit  # noqa: PLC0415 - few runs need it

        try:
            write_exit(path, exit_code, ended_s=time.time())
        except OSError as error:
            say(f"{path}: metrics not written: {error.strerror}")


def textfile_of(words: Sequence[str], environment: Mapping[str, str]) -> Path | None:
    """The file that command line, environment or job file name, also where something else in them is wrong."""
    command = next((word for word in words if not word.startswith("-")), None)
    if command not in _COMMANDS or not _NOT_A_RUN.isdisjoint(words):
        return None
    named = given_as(_OPTION, words, environment) or _in_job_file(given_as("job", words, environment))
    return Path(named) if named and "\0" not in named else None


def _in_job_file(path: str | None) -> str | None:
    if not path:
        return None
    try:
        options = read_job_file(Path(path))
    except (UsageError, ValueError):
        return None
    named = options.get(_OPTION, options.get(_OPTION.replace("-", "_")))
    return named if isinstance(named, str) else None


def _identity(path: Path | None) -> tuple[int, int] | None:
    """Changes whenever the file is written: that puts a new one in its place."""
    try:
        status = path.stat() if path is not None else None
    except OSError:
        return None
    return None if status is None else (status.st_ino, status.st_mtime_ns)
