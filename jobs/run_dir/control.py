"""What `set` asks of a live run: a small file in its directory, which the run reads once a second."""

import os
import stat
from pathlib import Path

import msgspec

from jobs.rate import Rate
from jobs.run_dir import names
from jobs.run_dir.durable import whole_file

_MOST_BYTES = 4_096


class Control(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that is asked of the session that began at `session`, UTC seconds since 1970; no other one obeys it.

    `above` says that the user wants a higher `rate` than the session began with.
    """

    session: float
    rate: str
    paused: bool = False
    above: bool = False

    def parsed_rate(self) -> Rate:
        """The rate as a value.

        Raises:
            ControlError: it is not a rate.
        """
        try:
            return Rate.parse(self.rate)
        except ValueError as error:
            raise ControlError(str(error)) from error


class ControlError(ValueError):
    """A control file that a run does not obey, and why."""


def write_control(folder: Path, control: Control) -> None:
    """Replaces the control file.

    Raises:
        OSError: the disk is full or broken.
    """
    with whole_file(folder / names.CONTROL, durable=False) as file:
        file.write(msgspec.json.encode(control) + b"\n")


def read_control(folder: Path) -> Control | None:
    """What is asked for; None where there is no such file.

    Raises:
        ControlError: it cannot be read, is not the user's own, or is not what `set` writes.
    """
    try:
        # A pipe under this name must not hold up the run.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(folder / names.CONTROL, flags)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ControlError(f"it cannot be opened: {error.strerror}") from error
    try:
        return _decoded(descriptor)
    except OSError as error:
        raise ControlError(f"it cannot be read: {error.strerror}") from error
    finally:
        os.close(descriptor)


def _decoded(descriptor: int) -> Control:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise ControlError("it is not a regular file")
    if status.st_uid != os.geteuid():
        raise ControlError(f"it belongs to user {status.st_uid}, not to the user of this run")
    if status.st_size > _MOST_BYTES:
        raise ControlError("it is too large")
    try:
        return msgspec.json.decode(os.read(descriptor, _MOST_BYTES), type=Control)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ControlError(f"it is not what `set` writes: {error}") from error


def remove_control(folder: Path) -> None:
    """Takes the file away, if there is one; what was asked for holds for one session only."""
    (folder / names.CONTROL).unlink(missing_ok=True)
