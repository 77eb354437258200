"""The live counts of a run, for other processes: they never open the ledger while a run holds it."""

from pathlib import Path

import msgspec

from jobs.model import Count, Moment, StatusCount
from jobs.run_dir import names
from jobs.run_dir.durable import whole_file
from jobs.run_dir.lock import Holder
from jobs.run_dir.own_file import read_own

# A clock that is set right now and then makes steps of this size.
_CLOCK_STEP_S = 1.0


class LiveState(msgspec.Struct, frozen=True, kw_only=True):
    """The progress of a run: `open_rows` have not ended. UTC seconds since 1970.

    `pace` says how fast it is, `trouble` of each project that something slows what that is. `rate` is the user's now,
    `full_rate` the one that the session began with, `job_rate` the one that the run was loaded with. `paused` says that
    `set` holds all requests back. `wave` says which wave it is, and what comes after it.
    """

    pid: Count
    started_at: Moment
    written_at: Moment
    total: Count
    open_rows: Count
    in_flight: Count
    counts: tuple[StatusCount, ...]
    pace: str = ""
    trouble: tuple[str, ...] = ()
    paused: bool = False
    rate: str = ""
    full_rate: str = ""
    job_rate: str = ""
    wave: str = ""


def write_state(folder: Path, state: LiveState) -> None:
    """Replaces the state file.

    Raises:
        OSError: the disk is full or broken.
    """
    # It is old news a second later: waiting for the disk would only hold up the requests.
    with whole_file(folder / names.STATE, durable=False) as file:
        file.write(msgspec.json.encode(state) + b"\n")


def read_state(folder: Path) -> LiveState | None:
    """The state as last written; None where there is none that can be read."""
    try:
        return msgspec.json.decode(read_own(folder / names.STATE), type=LiveState)
    except (OSError, msgspec.DecodeError):
        return None


def live_state(folder: Path, holder: Holder | None) -> LiveState | None:
    """The state that the holder of the run's lock has written; None where it has written none yet: what is there may be
    of the session before.
    """
    state = read_state(folder)
    if state is None or holder is None:
        return state
    # In a container every run may have the same number.
    by_holder = state.pid == holder.pid and state.started_at > holder.since - _CLOCK_STEP_S
    return state if by_holder else None
