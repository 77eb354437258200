"""How the rows of each scope stand."""

from collections.abc import Iterator, Mapping

import msgspec

from jobs.ledger.keys import Query
from jobs.ledger.told_row import RowEnd
from jobs.model import Group, Status

_SCOPES = "SELECT id, endpoint, project_id, region, stopped, unlisted FROM scope ORDER BY id"


class ScopeRows(msgspec.Struct, kw_only=True):
    """How many rows there are, and how many of them are done, left out, to be run again, and `unseen`: they were or may
    have been changed although their key before is not known.
    """

    rows: int = 0
    done: int = 0
    left_out: int = 0
    unseen: int = 0
    run_again: int = 0

    def add(self, end: RowEnd, rows: int) -> None:
        """Counts so many more, which ended so."""
        self.rows += rows
        self.unseen += rows if end.unseen else 0
        if end.left_out:
            self.left_out += rows
        elif end.done:
            self.done += rows
        elif end.status.group is Group.RUN_AGAIN:
            self.run_again += rows


class ScopeCount(msgspec.Struct, frozen=True, kw_only=True):
    """How the rows of one scope stand; `unlisted` says why the list of its secrets failed."""

    endpoint: str
    project_id: str
    region: str | None
    stopped: str | None
    rows: int
    done: int
    left_out: int = 0
    unlisted: str | None = None
    unseen: int = 0
    run_again: int = 0


def quoted(group: Group) -> str:
    """The statuses of a group, as a statement lists them."""
    return ", ".join(f"'{status.value}'" for status in Status if status.group is group)


# Rows are sorted by the number of their scope alone: with its texts that takes half as long again. The plus keeps off
# the index by scope: rows of many projects would be read all over the file, four times as slowly.
_ROWS = f"""SELECT r.scope, COUNT(*), COUNT(CASE WHEN l.status IN ({quoted(Group.DONE)}) THEN 1 END),
    SUM(l.left_out <> 0),
    COUNT(*) FILTER (WHERE l.before_how IS NULL AND (l.doubt OR l.status IN ('updated', 'verified'))),
    SUM(l.left_out = 0 AND COALESCE(l.status, 'not_attempted') IN ({quoted(Group.RUN_AGAIN)}))
    FROM row r JOIN stand l ON l.row = COALESCE(r.leader, r.row) WHERE r.scope IS NOT NULL GROUP BY +r.scope"""  # noqa: S608 - built from an enum


def scope_rows(query: Query) -> Mapping[int, ScopeRows]:
    """The rows of every scope by its number, for those who do not pass them by."""
    return {
        number: ScopeRows(rows=rows, done=done, left_out=left_out, unseen=unseen, run_again=again)
        for number, rows, done, left_out, unseen, again in query(_ROWS)
    }


def scope_counts(query: Query, rows: Mapping[int, ScopeRows]) -> Iterator[ScopeCount]:
    """Every scope that has rows, in the order in which the manifest names them."""
    for number, endpoint, project, region, stopped, unlisted in query(_SCOPES):
        if number in rows:
            yield ScopeCount(
                endpoint=endpoint,
                project_id=project,
                region=region,
                stopped=stopped,
                unlisted=unlisted,
                **msgspec.structs.asdict(rows[number]),
            )
