"""Which shards a report was merged from, and which of them are not over, in words."""

from jobs.printable import counted
from reports.screen.advice import cause_of
from reports.summary.schema import Summary
from reports.summary.sessions import ShardSummary

_SHOWN = 10


def shard_words(summary: Summary) -> tuple[str, ...]:
    """How many there are, then each that is not over; nothing for a run that was not sharded."""
    if not summary.shards:
        return ()
    unfinished = [one for one in summary.shards if one.missing or one.open_rows]
    count = len(summary.shards)
    over = "all of them over" if not unfinished else f"{count - len(unfinished)} of them over"
    lines = [f"merged from {counted(count, 'shard')}, {over}"]
    lines += [f"shard {one.index}/{count}: {_standing(one)}" for one in unfinished[:_SHOWN]]
    if (more := len(unfinished) - _SHOWN) > 0:
        lines.append(f"{counted(more, 'more unfinished shard')} in summary.json")
    return tuple(lines)


def _standing(shard: ShardSummary) -> str:
    if shard.missing:
        return "missing; its rows count as not attempted"
    left = f"{shard.open_rows:,} of {counted(shard.rows, 'row')} still open"
    if shard.exit_code is None:
        return f"{left}; the end of its last session is not recorded"
    cause = f": {cause_of(shard.stopped)}" if shard.stopped else ""
    return f"{left}; exit code {shard.exit_code}{cause}"
