"""Puts the sightings of several shards into one file, as if a single command had seen them all."""

from pathlib import Path

from jobs.ledger.assembly import Assembly
from jobs.run_dir import names
from jobs.run_dir.durable import rename_durably
from jobs.sightings import schema

# Rows of shards interleave, and a table that is filled out of order takes long, as does an index beside it. A project
# belongs to one shard, so all others are in order as they come.
_STAGE = """
CREATE TABLE staged.wanted AS SELECT * FROM main.wanted LIMIT 0;
DROP INDEX main.wanted_name;
"""
_OF_PROJECTS = ("list", "secret", "version", "key", "owner")
_SORT = f"INSERT INTO main.wanted SELECT * FROM staged.wanted ORDER BY row; DETACH staged; {schema.INDEX}"  # noqa: S608 - its own text


class Merging:
    """Sightings that are filled from others; only `finish` gives them their name."""

    def __init__(self, folder: Path) -> None:
        """Starts them in a folder.

        Raises:
            LedgerError: they cannot be made.
        """
        self._folder = folder
        self._part = folder / f"{names.SIGHTINGS}.part"
        schema.connect(self._part).close()
        self._into = Assembly(self._part, _STAGE)
        self._projects = 0

    def take(self, sightings: Path) -> None:
        """Adds all that those of a shard hold of the service; they must be closed, so that they are one file.

        Raises:
            LedgerError: they cannot be read, these cannot be written, or a project is in both.
        """
        run = self._into.connection.execute
        with self._into.attached(sightings):
            run(f"INSERT INTO main.project SELECT {self._moved('project', 'id')} FROM shard.project ORDER BY id")  # noqa: S608 - our own names
            for table in _OF_PROJECTS:
                run(f'INSERT INTO main."{table}" SELECT {self._moved(table, "project")} FROM shard."{table}"')  # noqa: S608 - our own names
            run(f"INSERT INTO staged.wanted SELECT {self._moved('wanted', 'project')} FROM shard.wanted")  # noqa: S608 - our own names
            ((last,),) = run("SELECT COALESCE(MAX(id), 0) FROM main.project").fetchall()
        self._projects = int(last)

    def finish(self) -> None:
        """Puts the wanted rows in order and makes the file durable.

        Raises:
            LedgerError: it cannot be written, or two shards want the same row.
        """
        with self._into.blaming():
            self._into.connection.executescript(_SORT)
        self.abandon()
        rename_durably(self._part, self._folder / names.SIGHTINGS)

    def abandon(self) -> None:
        """Closes the file; safe to call twice."""
        self._into.connection.close()

    def _moved(self, table: str, number: str) -> str:
        """Its columns, with the numbers of projects behind those that are there already."""
        moved = (
            f'"{name}" + {self._projects:d}' if name == number else f'"{name}"' for name in self._into.columns(table)
        )
        return ", ".join(moved)
