"""What a run and its plan know of secrets, noted in the sightings of a look: that they exist, and whose they are."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path

from batch.cli.screen import say
from jobs.ledger import Ledger, ToldRow
from jobs.ledger.record import JobRecord
from jobs.manifest.carried_cells import CarriedCells, carried_cells
from jobs.model import Scope
from jobs.plan.opened import open_plan
from jobs.problem import ManifestError, quoted
from jobs.rules import name_fault
from jobs.sightings import Sightings, Wanted
from jobs.spec import SpecError, UsageError
from reports.retry_file import manifest_copy

OWNER_COLUMN = "owner column"
"""Under this name sightings keep which column of the manifest says whose a secret is."""


class KnownSecrets:
    """The secrets of a run whose ledger is open; `places` are its projects, by id and region."""

    def __init__(self, ledger: Ledger, record: JobRecord, folder: Path, places: dict[tuple[str, str], Scope]) -> None:
        self._ledger = ledger
        self._record = record
        self._folder = folder
        self._places = places

    def require(self, column: str) -> None:
        """Makes sure that owners can be found in a column, as far as the manifest can be read.

        Raises:
            SpecError: it has no such column.
        """
        with suppress(ManifestError, OSError):
            if self._place(column, self._carried()) is None:
                raise SpecError("owner-column", f"the manifest has no {quoted(column)} among the columns of your own")

    def note(self, sightings: Sightings, column: str) -> None:
        """Records both; a manifest that cannot be read any more names no owners."""
        sightings.want(chain(self._wanted(), self._planned()))
        try:
            carried = self._carried()
            if (at := self._place(column, carried)) is not None:
                sightings.own(self._owned(cells[at] for cells in carried.rows))
                sightings.keep(OWNER_COLUMN, carried.names[at])
        except (ManifestError, OSError) as error:
            say(f"whose the secrets are is not known: {error}")
            return

    def _carried(self) -> CarriedCells:
        return carried_cells(manifest_copy(self._folder, self._record), self._record.spec.encoding)

    @staticmethod
    def _place(column: str, carried: CarriedCells) -> int | None:
        return next((at for at, name in enumerate(carried.names) if name.lower() == column.lower()), None)

    def _wanted(self) -> Iterator[Wanted]:
        for row, place in self._rows():
            if place is not None:
                yield Wanted(row=row.outcome.row, project=place, name=row.secret_name)

    def _planned(self) -> Iterator[Wanted]:
        """What else the plan of the run saw, if its directory is still there."""
        if (plan := self._record.plan) is None:
            return
        places = {place.project_id: place for place in self._places.values()}
        try:
            seen = enumerate(open_plan(plan.folder, plan.sha256).seen_besides(), self._record.manifest.rows + 1)
            for row, (project_id, name) in seen:
                if (place := places.get(project_id)) is not None:
                    yield Wanted(row=row, project=place, name=name)
        except UsageError as error:
            say(f"what only the plan of this run knows is not looked for: {error}")

    def _owned(self, owners: Iterable[str]) -> Iterator[tuple[Scope, str, str]]:
        for (row, place), owner in zip(self._rows(), owners, strict=False):
            if place is not None and owner.strip():
                yield place, row.secret_name, owner.strip()

    def _rows(self) -> Iterator[tuple[ToldRow, Scope | None]]:
        """Every row, with its place if it may name a secret: also one that is not sent."""
        for row in self._ledger.told.rows():
            usable = name_fault(row.secret_name) is None
            yield row, self._places.get((row.project_id, row.region)) if usable else None
