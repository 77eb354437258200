"""`set`: changes a live run, by a small file that the run reads once a second."""

import os
import time
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from batch.cli.screen import tell
from jobs.rate import Rate
from jobs.run_dir import names
from jobs.run_dir.control import Control, ControlError, read_control, remove_control, write_control
from jobs.run_dir.lock import LOOKS, held_by_another
from jobs.run_dir.run_dir import RunDirectory
from jobs.run_dir.state import LiveState, live_state
from jobs.spec import SpecError, UsageError
from reports import Exit

_POLL_S = 0.1
# A run reads the file once a second; a busy machine takes longer.
_PATIENCE_S = 5.0
_Flag = Parameter(negative="")


def change(
    run_dir: Path,
    /,
    *,
    rate: str | None = None,
    pause: Annotated[bool, _Flag] = False,
    continue_: Annotated[bool, Parameter(name="--continue", negative="")] = False,
    yes: Annotated[bool, _Flag] = False,
) -> int:
    """Changes a live run, until it ends; a resume starts without the change.

    Args:
        run_dir: The directory of the run.
        rate: Requests per project from now on: 10/s, 300/m, 200/5m, unlimited or auto.
        pause: Send nothing more; requests in flight finish.
        continue_: Send again.
        yes: Allow a higher rate than the run was started with.
    """
    if pause and continue_:
        raise UsageError("--pause and --continue exclude each other")
    if rate is None and not pause and not continue_:
        raise UsageError("nothing to change: give --rate, --pause or --continue")
    state = _live(run_dir)
    wish = _wish(run_dir, state, rate, paused=pause or (None if not continue_ else False))
    if rate is not None and wish.above and not yes:
        raise SpecError("rate", f"{wish.rate} is above the {_most(state)} that the run was started with: add --yes")
    write_control(run_dir, wish)
    taken = _taken(run_dir, wish)
    tell(f"{run_dir}: {_words(taken)}; rate {taken.rate}")
    return Exit.DONE


def _words(taken: LiveState) -> str:
    if not taken.paused:
        return "sending"
    return f"paused, {f'{taken.in_flight} in flight to be finished' if taken.in_flight else 'nothing in flight'}"


def _live(run_dir: Path) -> LiveState:
    """The state of the run, or of the command that looks, that is active there.

    Raises:
        UsageError: there is none, it has not begun to send, or it is another user's.
    """
    # Unlike the method of a path, this knows no errors.
    looked = os.path.isfile(run_dir / names.SIGHTINGS)  # noqa: PTH113 - see above
    held = held_by_another((run_dir if looked else RunDirectory.find(run_dir).path) / names.LOCK)
    if held is None or (held.holder is not None and held.holder.purpose in LOOKS):
        raise UsageError(f"{run_dir}: no run is active here; there is nothing to change")
    state = live_state(run_dir, held.holder)
    if state is None or not state.full_rate:
        holder = held.holder or "another process"
        raise UsageError(f"{run_dir}: in use by {holder}, which does not send yet; try again when it does")
    # Not the directory's owner: that may be a mount point.
    owner = (run_dir / names.STATE).stat().st_uid
    if owner != os.geteuid():
        raise UsageError(f"{run_dir}: the run belongs to user {owner}, who alone can change it")
    return state


def _wish(run_dir: Path, state: LiveState, rate: str | None, *, paused: bool | None) -> Control:
    """What is asked for, on top of what was before."""
    try:
        before = read_control(run_dir)
    except ControlError:
        before = None
    if before is None or before.session != state.started_at:
        before = Control(session=state.started_at, rate=state.rate, paused=state.paused)
    try:
        wanted = Rate.parse(before.rate if rate is None else rate)
    except ValueError as error:
        raise SpecError("rate", str(error)) from error
    return Control(
        session=state.started_at,
        rate=str(wanted),
        paused=before.paused if paused is None else paused,
        above=wanted.per_s > Rate.parse(_most(state)).per_s,
    )


def _most(state: LiveState) -> str:
    """What needs no --yes: the rate of the job, whatever a resume was given. A look knows only that of its session."""
    return state.job_rate or state.full_rate


def _taken(run_dir: Path, wish: Control) -> LiveState:
    """The state of the run once it does what is asked for.

    Raises:
        UsageError: it has ended, or does not answer; then nothing is left behind.
    """
    give_up_s = time.monotonic() + _PATIENCE_S
    try:
        while time.monotonic() < give_up_s:
            state = _live(run_dir)
            if state.started_at != wish.session:
                break
            if (state.rate, state.paused) == (wish.rate, wish.paused):
                return state
            time.sleep(_POLL_S)
    except UsageError:
        remove_control(run_dir)
        raise UsageError(f"{run_dir}: the run has ended meanwhile") from None
    remove_control(run_dir)
    raise UsageError(f"{run_dir}: the run has not answered within {_PATIENCE_S:.0f} s; its screen or run.log says why")
