"""Run directories as runs and their shards leave them, written without a service: all rows have ended."""

import contextlib
import csv
import hashlib
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from batch.process.version import version
from jobs.ledger import Ledger, Loader, SessionStart
from jobs.ledger.record import JobRecord, ManifestFacts, to_meta
from jobs.model import Outcome, PlannedRow, Scope, SecretUpdate, Status
from jobs.run_dir import names
from jobs.shard import Shard
from jobs.spec import JobSpec

_ENDPOINT = "https://kms.example.com"
_KEY = "0d0466b0-e727-4d9c-b35d-f84bb474a37f"
_BEGAN_S = 1.8e9
_ONE_FAILS_OF = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeManifest:
    """A manifest whose rows go to its projects in turn, so that those of all shards interleave."""

    path: Path
    rows: int
    projects: int

    def write(self) -> None:
        """Makes the file."""
        with self.path.open("w", newline="") as file:
            out = csv.writer(file)
            out.writerow(["secret_name", "kms_key_id", "project_id"])
            out.writerows([_name(row), _KEY, f"{self.project_of(row):032x}"] for row in range(1, self.rows + 1))

    def project_of(self, row: int) -> int:
        """The number of the project that a row goes to."""
        return (row - 1) % self.projects

    def rows_of(self, shard: Shard) -> list[int]:
        """The rows of all projects that fall to a shard."""
        own = range(shard.index, self.projects, shard.count)
        return [first + at for first in range(1, self.rows + 1, self.projects) for at in own if first + at <= self.rows]

    def facts(self) -> ManifestFacts:
        """What a ledger knows of it."""
        content = self.path.read_bytes()
        return ManifestFacts(
            name=self.path.name,
            copy="manifest.csv",
            sha256=hashlib.sha256(content).hexdigest(),
            size_bytes=len(content),
            rows=self.rows,
        )


def write_shards(folder: Path, manifest: MadeManifest, count: int) -> Iterator[Path]:
    """The run directories of all shards, or of the one run where `count` is 1."""
    facts = manifest.facts()
    for index in range(count):
        path = folder / f"shard-{index:06d}"
        path.mkdir(mode=0o700)
        # One content for all of them: this is not about disk space.
        os.link(manifest.path, path / facts.copy)
        _write(path, manifest, facts, Shard(index, count))
        yield path


def _write(path: Path, manifest: MadeManifest, facts: ManifestFacts, shard: Shard) -> None:
    places = {
        number: Scope(endpoint=_ENDPOINT, project_id=f"{number:032x}")
        for number in range(shard.index, manifest.projects, shard.count)
    }
    own = manifest.rows_of(shard)
    loader = Loader(path)
    loader.add(
        PlannedRow(
            row=row,
            scope=places[manifest.project_of(row)],
            update=SecretUpdate(secret_name=_name(row), kms_key_id=_KEY),
        )
        for row in own
    )
    record = JobRecord(
        version=version(),
        spec=JobSpec(endpoint=_ENDPOINT, shard=shard if shard.count > 1 else None),
        manifest=facts,
        created_at=_BEGAN_S,
        rows_here=len(own) if shard.count > 1 else None,
    )
    loader.finish(to_meta(record))
    _number_as_in_the_whole(path / names.LEDGER, shard)
    with Ledger(path) as ledger:
        ledger.begin_session(SessionStart(started_at=_BEGAN_S))
        ledger.commit(outcomes=[outcome_of(row, failed=row % _ONE_FAILS_OF == 0) for row in own])
        ledger.end_session(ended_at=_BEGAN_S + manifest.rows / 1000, exit_code=1, stopped=None)


def _number_as_in_the_whole(ledger: Path, shard: Shard) -> None:
    """A shard that has read the whole manifest numbers its projects as all others do."""
    number = f"(({{0}} - 1) * {shard.count} + {shard.index + 1})"
    with contextlib.closing(sqlite3.connect(ledger)) as connection, connection:
        connection.execute(f"UPDATE row SET scope = {number.format('scope')}")  # noqa: S608 - two numbers
        connection.execute(f"UPDATE scope SET id = -{number.format('id')}")  # noqa: S608 - the same
        connection.execute("UPDATE scope SET id = -id")


def _name(row: int) -> str:
    return f"payments-db-{row:07d}"


def outcome_of(row: int, *, failed: bool) -> Outcome:
    """That of a row which was updated, or failed after five attempts; the later the row, the later it was."""
    return Outcome(
        row=row,
        status=Status.FAILED if failed else Status.UPDATED,
        attempts=5 if failed else 1,
        http_status=504 if failed else 200,
        error_code="APIG.0201" if failed else None,
        error_message="Backend timeout" if failed else None,
        request_id=f"{row:032x}",
        started_at=_BEGAN_S + row / 1000,
        finished_at=_BEGAN_S + row / 1000 + 0.04,
        elapsed_ms=40.25,
    )
