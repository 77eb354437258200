"""The waves of a job: which there are, in the order in which they run, and how the rows of each stand."""

from collections.abc import Callable, Iterator, Sequence

import msgspec

from jobs.ledger.keys import Query
from jobs.model import Count, Group, Moment, Status

META = "waves"
"""Under this name `meta` holds the names of the waves, in order, as a JSON list; nothing where the job has none."""

_NAMES = f"SELECT value FROM json_each((SELECT value FROM meta WHERE key = '{META}'))"  # noqa: S608 - its own text
# Rows that repeat an earlier one were given its wave when they were loaded. Rows that are left out do not count.
_COUNTS = """SELECT r.wave, l.status, COUNT(*), MAX(l.attempts > 0 OR l.refused), MIN(l.started_at), MAX(l.finished_at)
    FROM row r JOIN stand l ON l.row = COALESCE(r.leader, r.row)
    WHERE l.left_out = 0 AND r.wave IS NOT NULL GROUP BY r.wave, l.status"""
_HAPPENED = frozenset({Status.REJECTED, Status.DRIFTED, Status.FAILED, Status.UNKNOWN})
"""How no row ends for which nothing was sent; one that has its key already may, and so may an invalid one."""

_Part = tuple[Status | None, int, int, float | None, float | None]


class WaveCount(msgspec.Struct, frozen=True, kw_only=True):
    """How the rows of one wave stand, which is empty where they have no value; the time is that of its requests.

    Of those to `run_again` some are `open`: they have not ended. `begun` says that requests for it have left.
    """

    name: str
    rows: Count
    done: Count = 0
    fix_first: Count = 0
    run_again: Count = 0
    open: Count = 0
    begun: bool = False
    started_at: Moment | None = None
    ended_at: Moment | None = None

    @property
    def not_done(self) -> int:
        """The rows that are not done, open or not."""
        return self.rows - self.done


def condition(wave: str | None) -> tuple[str, tuple[str, ...]]:
    """What limits a choice of rows to one wave, and its value; nothing where all rows are meant."""
    return ("", ()) if wave is None else (" AND wave = ?", (wave,))


def wave_counts(query: Query, status_of: Callable[[str], Status]) -> tuple[WaveCount, ...]:
    """Every wave with a row that the job selects, in the order in which they run."""
    names = [name for (name,) in query(_NAMES)]
    if not names:
        return ()
    parts: dict[str, list[_Part]] = {}
    for name, status, rows, begun, started_at, ended_at in query(_COUNTS):
        ended_as = None if status is None else status_of(status)
        parts.setdefault(name, []).append((ended_as, rows, begun, started_at, ended_at))
    return tuple(_count(name, parts[name]) for name in names if name in parts)


def _count(name: str, parts: Sequence[_Part]) -> WaveCount:
    def rows(group: Group) -> int:
        return sum(part[1] for part in parts if (part[0] or Status.NOT_ATTEMPTED).group is group)

    return WaveCount(
        name=name,
        rows=sum(part[1] for part in parts),
        done=rows(Group.DONE),
        fix_first=rows(Group.FIX_FIRST),
        run_again=rows(Group.RUN_AGAIN),
        open=sum(part[1] for part in parts if part[0] is None),
        begun=any(part[2] or part[0] in _HAPPENED for part in parts),
        started_at=min(_known(part[3] for part in parts), default=None),
        ended_at=max(_known(part[4] for part in parts), default=None),
    )


def _known(moments: Iterator[float | None]) -> Iterator[float]:
    return (moment for moment in moments if moment is not None)
