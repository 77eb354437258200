"""What sightings tell: every method runs in constant memory, ordered by project and then by name."""

import json
import sqlite3
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from jobs.ledger.schema import ERRORS, blame
from jobs.sightings import rows, schema
from jobs.sightings.values import Matched, SeenKey, SeenProject, SeenSecret, SeenVersion, Wanted

_BLOCK = 2_000
_place = lru_cache(maxsize=1024)(rows.place)


class Shown:
    """Reads from open sightings; raises `LedgerError` where they are damaged. Nothing may be recorded meanwhile."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    def projects(self) -> Iterator[SeenProject]:
        """Every project."""
        for endpoint, project, region, account, listed, pages, *troubles in self.query(rows.PROJECTS):
            trouble, reads_trouble, versions_trouble, stopped = troubles
            yield SeenProject(
                endpoint=endpoint,
                project_id=project,
                region=region,
                account=account,
                listed=bool(listed),
                pages=pages,
                trouble=trouble,
                reads_trouble=reads_trouble,
                versions_trouble=versions_trouble,
                stopped=stopped,
            )

    def secrets(self) -> Iterator[SeenSecret]:
        """Every secret that was shown, or asked for by its name."""
        return self._secrets(rows.SECRETS)

    def unwanted(self) -> Iterator[SeenSecret]:
        """The secrets that no wanted row is about."""
        return self._secrets(rows.UNWANTED)

    def versions(self) -> Iterator[SeenVersion]:
        """Every version, of each secret the oldest first."""
        for endpoint, project, region, name, version, key, stages, created_s in self.query(rows.VERSIONS):
            yield SeenVersion(
                project=_place(endpoint, project, region),
                secret_name=name,
                version_id=version,
                kms_key_id=key,
                stages=tuple(json.loads(stages)),
                created_s=created_s,
            )

    def described(self) -> Iterator[SeenKey]:
        """Every key that was asked for."""
        for endpoint, project, region, key, state, spec, usage, alias, default, trouble, kind in self.query(rows.KEYS):
            yield SeenKey(
                project=_place(endpoint, project, region),
                kms_key_id=key,
                state=state,
                spec=spec,
                usage=usage,
                alias=alias,
                default=bool(default),
                trouble=trouble,
                kind=kind,
            )

    def matched(self) -> Iterator[Matched]:
        """Every wanted row with what was seen of its secret, in the order of the rows."""
        for row, endpoint, project, region, name, key, expected, own, own_region, note, *secret in self.query(
            rows.MATCHED
        ):
            scope = None if endpoint is None else _place(endpoint, project, region)
            wanted = Wanted(
                row=row,
                project=scope,
                name=name,
                kms_key_id=key,
                expected_kms_key_id=expected,
                project_id=own,
                region=own_region,
                note=note,
            )
            seen = None if scope is None or secret[0] is None else rows.secret_of(scope, tuple(secret))
            yield Matched(wanted=wanted, secret=seen)

    def query(self, statement: str, values: tuple[object, ...] = ()) -> Iterator[tuple[Any, ...]]:
        """Runs one statement of reading, for a command with a special join."""
        try:
            cursor = self._connection.execute(statement, values)
            while block := cursor.fetchmany(_BLOCK):
                yield from block
        except ERRORS as error:
            raise blame(self._path, error, mend=schema.MEND) from error

    def _secrets(self, statement: str) -> Iterator[SeenSecret]:
        for endpoint, project, region, *secret in self.query(statement):
            yield rows.secret_of(_place(endpoint, project, region), tuple(secret))
