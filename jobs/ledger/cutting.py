"""Cuts the rows of one shard out of the ledger of a whole manifest, in which all else is settled."""

import contextlib
import sqlite3
from pathlib import Path

import msgspec

from jobs.ledger import schema
from jobs.ledger.accounts import scope_accounts
from jobs.model import Scope
from jobs.shard import Shard, ShardBy, own_places

# In each place: all rows, those that are sent, and those that are selected and cannot be used. In the order of the
# table: by an index each row would be looked up.
_COUNT = """CREATE TABLE place AS SELECT scope, COUNT(*) AS rows,
    COUNT(*) FILTER (WHERE status IS NULL AND left_out = 0 AND leader IS NULL) AS sent,
    COUNT(*) FILTER (WHERE status IS NOT NULL AND left_out = 0) AS invalid FROM row GROUP BY +scope"""
_PLACES = "SELECT scope, rows, sent, invalid FROM place"
_TAKE = """INSERT INTO main.row SELECT * FROM whole.row
    WHERE {}scope IN (SELECT value FROM json_each(?)) OR (? AND scope IS NULL) ORDER BY row"""
_FEW = 1 / 16
"""Up to this share of all rows, to look each up by the index of scopes takes less than to read them all."""


class Cut(msgspec.Struct, frozen=True, kw_only=True):
    """What a shard has of a manifest with so many `rows`: its places by their numbers, and `rows_here`."""

    rows: int
    invalid: int
    rows_here: int
    scopes: dict[Scope, int]


def count_places(whole: Path) -> None:
    """Adds to the finished ledger of a whole manifest what every shard that is cut out of it asks.

    Raises:
        LedgerError: it cannot be read or written.
    """
    try:
        with contextlib.closing(sqlite3.connect(whole)) as connection:
            connection.execute(_COUNT)
    except sqlite3.Error as error:
        raise schema.blame(whole, error) from error


def cut(connection: sqlite3.Connection, whole: Path, shard: Shard, by: ShardBy) -> Cut:
    """Copies them into a ledger that is being filled, out of one whose places are counted.

    Raises:
        sqlite3.Error: one of the two cannot be read or written.
    """
    with contextlib.closing(schema.looking(whole)) as read:
        scopes = {one.id: one.scope for one in scope_accounts(read.execute)}
        counts = {number: found for number, *found in read.execute(_PLACES)}
    if not counts.keys() >= scopes.keys():
        raise sqlite3.DatabaseError("its places are not all counted")
    own = own_places(shard, by, ((scope, counts[number][1]) for number, scope in scopes.items()))
    numbers = {scope: number for number, scope in scopes.items() if scope in own}
    rows, _, invalid = map(sum, zip(*counts.values(), strict=True)) if counts else (0, 0, 0)
    few = sum(counts[number][0] for number in numbers.values()) <= _FEW * rows
    connection.execute("ATTACH ? AS whole", (str(whole),))
    connection.execute("BEGIN")
    taken = connection.execute(
        _TAKE.format("" if few else "+"),
        (msgspec.json.encode(sorted(numbers.values())).decode(), shard.takes_unplaced),
    )
    return Cut(rows=rows, invalid=invalid, rows_here=taken.rowcount, scopes=numbers)
