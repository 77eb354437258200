"""How a campaign stands, in words: for a screen, a log, and `fleet status`. Nothing here names a secret."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from batch.fleet.standing import ShardStanding, ShardState
from batch.fleet.tries import Lost
from jobs.duration import duration_text
from jobs.model import Group, Status, StatusCount
from jobs.printable import counted
from reports import Ending, Exit, exit_code_of

_NAMED = 20
_ASKED_TO_STOP = frozenset({Exit.SIGHUP, Exit.SIGINT, Exit.SIGTERM})
_ORDER = (ShardState.RUNNING, ShardState.WAITING, ShardState.STOPPED, ShardState.GIVEN_UP, ShardState.OVER)


class FleetView(msgspec.Struct, frozen=True, kw_only=True):
    """All shards of a campaign at one moment; encodes to JSON."""

    shards: tuple[ShardStanding, ...]
    rows: int
    workers: int | None = None
    elapsed_s: float | None = None
    trouble: str | None = None
    """Why this may be how it stood when it could be seen last."""

    def of(self, group: Group) -> int:
        """Rows of all shards that ended so."""
        return sum(one.of(group) for one in self.shards)


def total_lines(view: FleetView) -> Iterator[str]:
    """The whole in two lines."""
    states = [f"{count} {state}" for state in _ORDER if (count := sum(one.state is state for one in view.shards))]
    besides = [] if view.workers is None else [counted(view.workers, "worker")]
    besides += [] if view.elapsed_s is None else [f"{duration_text(round(view.elapsed_s))} elapsed"]
    yield "; ".join([f"{counted(len(view.shards), 'shard')}: {', '.join(states)}", *besides])
    done = view.of(Group.DONE)
    share = f" ({100 * done // view.rows} %)" if view.rows else ""
    words = [f"{done:,} of {view.rows:,} rows done{share}"]
    words += [f"{rows:,} to fix first" for rows in [view.of(Group.FIX_FIRST)] if rows]
    words += [f"{rows:,} to run again" for rows in [view.of(Group.RUN_AGAIN)] if rows]
    yield ", ".join(words)
    if view.trouble is not None:
        yield f"{view.trouble}; what is shown may be old"


def shard_line(one: ShardStanding, count: int) -> str:
    """One shard."""
    parts = [f"shard {one.index}/{count}", str(one.state)]
    if one.rows:
        parts.append(f"{one.of(Group.DONE):,} of {one.rows:,} rows done")
    if one.host is not None:
        parts.append(f"on {one.host}")
    if one.exit_code is not None:
        parts.append(f"exit {one.exit_code}")
    if one.reason is not None:
        parts.append(one.reason)
    return "  ".join(parts)


def late_words(shards: Sequence[int]) -> str:
    """That these have not stopped in time."""
    named = ", ".join(map(str, shards[:_NAMED])) + (", ..." if len(shards) > _NAMED else "")
    return (
        f"these shards have not confirmed in time that they have stopped: {named};"
        " their leases keep other processes off them"
    )


def ended_words(one: ShardStanding, count: int, exit_code: int | Lost) -> str:
    """That a try of a shard has ended."""
    if isinstance(exit_code, Lost):
        return f"shard {one.index}/{count}: {exit_code}"
    rows = f", {one.of(Group.DONE):,} of {one.rows:,} rows done" if one.rows else ""
    why = ""
    if exit_code in {Exit.DONE, Exit.NOT_ALL_DONE}:
        how = "over"
    else:
        how = "stopped" if exit_code in _ASKED_TO_STOP else f"ended with exit code {exit_code}"
        why = "; the merged report says why" if exit_code == Exit.STOPPED_EARLY else ""
    return f"shard {one.index}/{count}: {how}{rows}{why}"


def exit_code_of_all(shards: Iterable[ShardStanding]) -> Exit:
    """What a run of the whole would have ended with."""
    found = tuple(shards)
    counts = [count for one in found for count in one.counts]
    over = all(one.state is ShardState.OVER for one in found)
    totals = [
        StatusCount(status=status, rows=sum(count.rows for count in counts if count.status is status))
        for status in Status
    ]
    code = exit_code_of(totals, Ending.FINISHED if over else Ending.STOPPED)
    return code if over else max(code, Exit.STOPPED_EARLY)
