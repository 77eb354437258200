"""Records what was seen, each page of a list durable before the next is asked for, and says what is left."""

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from jobs.ledger.schema import ERRORS, blame
from jobs.model import Scope
from jobs.run_dir import names
from jobs.sightings import rows, schema
from jobs.sightings.reading import Shown
from jobs.sightings.values import SeenKey, SeenProject, SeenSecret, SeenVersion, Wanted

_BLOCK = 5_000
_LARGEST_GROUP = 512


class ListedSoFar(msgspec.Struct, frozen=True, kw_only=True):
    """How far a list has come: the page to ask for next is that of `marker`. `over` says that there is none."""

    marker: str | None = None
    pages: int = 0
    over: bool = False


class Sightings:
    """The sightings of one folder, their only user. What is written is durable when the call returns, but for what was
    shown of one secret: many of those share a commit, and `flush` is due soon after each.
    """

    def __init__(self, folder: Path) -> None:
        """Opens them, or makes a file for them.

        Raises:
            LedgerError: it is in use, damaged or of another format, or cannot be made.
        """
        self.path = folder / names.SIGHTINGS
        self._connection = schema.connect(self.path)
        self._projects: dict[tuple[str, str], int] = {}
        self._group = 0
        self.shown = Shown(self._connection, self.path)
        """What they tell."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Makes everything durable, folds the write-ahead log back into the file and lets go of it; safe to call twice.

        Raises:
            LedgerError: the last of it cannot be written.
        """
        try:
            self.flush()
        finally:
            self._connection.close()

    def flush(self) -> None:
        """Makes durable what was shown of secrets one by one."""
        if self._group:
            with self._transaction():
                pass

    def keep(self, key: str, text: str) -> None:
        """Keeps a text of the command under a name, such as what it was asked to do."""
        with self._transaction() as write:
            write.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, text))

    def kept(self, key: str) -> str | None:
        """What was kept under a name."""
        found = self._all("SELECT value FROM meta WHERE key = ?", (key,))
        return str(found[0][0]) if found else None

    def want(self, wanted: Iterable[Wanted]) -> None:
        """Takes in, in place of what was there, the rows that a command asks about: all or none."""
        with self._transaction() as write:
            write.execute("DELETE FROM wanted")
            coming = iter(wanted)
            while block := [rows.wanted_values(one, self._id(write, one.project)) for one in islice(coming, _BLOCK)]:
                write.executemany(rows.PUT_WANTED, block)

    def own(self, owners: Iterable[tuple[Scope, str, str]]) -> None:
        """Takes in whose each secret is: project, name and owner."""
        with self._transaction() as write:
            write.executemany(rows.PUT_OWNER, ((self._id(write, project), *rest) for project, *rest in owners))

    def begin(self) -> None:
        """Another session begins: whatever met trouble is asked for once more."""
        with self._transaction() as write:
            for statement in rows.FORGET_TROUBLE:
                write.execute(statement)

    def add_project(self, project: Scope, account: str | None = None) -> None:
        """Notes a project, also one of which nothing is seen yet."""
        with self._transaction() as write:
            number = self._id(write, project)
            write.execute("UPDATE project SET account = COALESCE(?, account) WHERE id = ?", (account, number))

    def so_far(self, project: Scope, number: int = 1) -> ListedSoFar:
        """How far the list of that number has come."""
        found = self._all(
            "SELECT marker, pages, whole OR trouble IS NOT NULL FROM list WHERE project = ? AND number = ?",
            (self._known(project), number),
        )
        return ListedSoFar(marker=found[0][0], pages=found[0][1], over=bool(found[0][2])) if found else ListedSoFar()

    def begin_list(self, project: Scope) -> int:
        """Notes that one more list is to come, which is not whole until it was read; returns its number."""
        with self._transaction() as write:
            ((number,),) = write.execute(rows.NEXT_LIST, (self._id(write, project),)).fetchall()
            return int(number)

    def see_page(self, project: Scope, page: Sequence[SeenSecret], so_far: ListedSoFar, *, number: int = 1) -> None:
        """Records a page of a list, and where the list stands after it. Secrets whose key has changed have to show
        their versions again.
        """
        with self._transaction() as write:
            own = self._id(write, project)
            write.executemany(rows.PUT_LISTED, [rows.secret_values(own, one, listed=number) for one in page])
            write.execute(rows.PUT_LIST, (own, number, so_far.marker, so_far.pages, int(so_far.over)))

    def fail_list(self, project: Scope, trouble: str, *, number: int = 1) -> None:
        """A list cannot be read to its end; another session begins it again."""
        with self._transaction() as write:
            write.execute(rows.FAIL_LIST, (self._id(write, project), number, trouble))

    def see_secret(self, secret: SeenSecret) -> None:
        """Records what a read showed, or that it showed nothing and why. It is durable soon."""
        with self._transaction(soon=True) as write:
            write.execute(rows.PUT_READ, rows.secret_values(self._id(write, secret.project), secret, listed=0))

    def see_versions(self, project: Scope, secret_name: str, versions: Sequence[SeenVersion]) -> None:
        """Records all versions of a secret, in place of those that were known. They are durable soon."""
        with self._transaction(soon=True) as write:
            own = self._id(write, project)
            write.execute("DELETE FROM version WHERE project = ? AND secret_name = ?", (own, secret_name))
            write.executemany(rows.PUT_VERSION, [rows.version_values(own, one) for one in versions])
            write.execute(rows.VERSIONS_WHOLE, (own, secret_name))

    def fail_versions(self, project: Scope, secret_name: str, trouble: str) -> None:
        """The versions of a secret cannot be read; that is durable soon."""
        with self._transaction(soon=True) as write:
            write.execute(rows.VERSIONS_TROUBLE, (trouble, self._id(write, project), secret_name))

    def give_up_reads(self, project: Scope, trouble: str) -> None:
        """No more secrets of a project are read one by one."""
        with self._transaction() as write:
            write.execute("UPDATE project SET reads_trouble = ? WHERE id = ?", (trouble, self._id(write, project)))

    def give_up_versions(self, project: Scope, trouble: str) -> None:
        """No more versions of a project are read."""
        with self._transaction() as write:
            write.execute("UPDATE project SET versions_trouble = ? WHERE id = ?", (trouble, self._id(write, project)))

    def see_key(self, key: SeenKey) -> None:
        """Records what KMS showed of a key, or why it showed nothing."""
        with self._transaction() as write:
            write.execute(rows.PUT_KEY, rows.key_values(self._id(write, key.project), key))

    def stop_project(self, project: Scope, reason: str) -> None:
        """Nothing more is asked of a project in this session."""
        with self._transaction() as write:
            write.execute("UPDATE project SET stopped = ? WHERE id = ?", (reason, self._id(write, project)))

    def unread(self, project: Scope, after: str, limit: int) -> list[str]:
        """The next names of wanted secrets that nothing has shown yet, by name."""
        return self._names(rows.UNREAD, project, after, limit)

    def unversioned(self, project: Scope, after: str, limit: int) -> list[str]:
        """The next names of secrets that were shown, and whose versions were not yet, by name."""
        return self._names(rows.UNVERSIONED, project, after, limit)

    def vanished(self, project: Scope, number: int, after: str, limit: int) -> list[str]:
        """The next names of secrets that an earlier list has shown, and that of this number has not, by name."""
        found = self._all(rows.VANISHED, (self._known(project), number, after, limit))
        return [name for (name,) in found]

    def undescribed(self, project: Scope, key_ids: Iterable[str]) -> list[str]:
        """Those of the keys that have not been asked for yet."""
        own = self._known(project)
        known = {key for (key,) in self._all("SELECT kms_key_id FROM key WHERE project = ?", (own,))}
        return [key for key in dict.fromkeys(key_ids) if key not in known]

    def projects(self) -> tuple[SeenProject, ...]:
        """Every project, by endpoint and id."""
        return tuple(self.shown.projects())

    def _names(self, statement: str, project: Scope, after: str, limit: int) -> list[str]:
        return [name for (name,) in self._all(statement, (self._known(project), after, limit))]

    def _known(self, project: Scope) -> int:
        with self._transaction() as write:
            return self._id(write, project) or 0

    def _id(self, write: sqlite3.Connection, project: Scope | None) -> int | None:
        if project is None:
            return None
        place = (project.endpoint, project.project_id)
        if place not in self._projects:
            write.execute(rows.PUT_PROJECT, (*place, project.region))
            ((number,),) = write.execute(rows.FIND_PROJECT, place).fetchall()
            self._projects[place] = number
        return self._projects[place]

    @contextlib.contextmanager
    def _transaction(self, *, soon: bool = False) -> Iterator[sqlite3.Connection]:
        """All of it or nothing, with the group that is open; durable at the end of the block, or soon."""
        # A block that fails takes its group along: another session asks for both.
        group, self._group = self._group, 0
        try:
            if self._connection.in_transaction and not group:
                # Left open by a block or commit that failed.
                self._connection.execute("ROLLBACK")
                self._projects.clear()
            if not group:
                self._connection.execute("BEGIN IMMEDIATE")
            yield self._connection
            if soon and group + 1 < _LARGEST_GROUP:
                self._group = group + 1
            else:
                self._commit()
        except ERRORS as error:
            raise blame(self.path, error, mend=schema.MEND) from error

    def _commit(self) -> None:
        self._connection.execute("COMMIT")

    def _all(self, statement: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(statement, values).fetchall()
        except ERRORS as error:
            raise blame(self.path, error, mend=schema.MEND) from error
