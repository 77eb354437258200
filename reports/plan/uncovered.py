"""Writes `uncovered.csv`: the secrets that are on a key which rows move away from, and are in no row themselves."""

from collections.abc import Collection, Iterable

from jobs.manifest.key_map import plain_key
from jobs.model import Scope
from jobs.plan.document import UNCOVERED, PlannedFile
from jobs.printable import cell, name_cell
from jobs.run_dir.report_files import ReportFiles
from jobs.sightings import SeenSecret
from reports.error import blaming
from reports.plan.rows import CsvFile

HEADER = ("project_id", "secret_name", "current_kms_key_id", "reason")


class Uncovered:
    """Looks for them; `counts` says how many there are in which project."""

    def __init__(self, old_keys: Collection[str], *, selected: bool) -> None:
        """`selected` says that the plan was asked for some secrets only."""
        self._old_keys = {plain_key(key) for key in old_keys if key}
        self._reason = "no selected row names it" if selected else "no row names it"
        self.counts: dict[Scope, int] = {}

    def write(self, files: ReportFiles, secrets: Iterable[SeenSecret]) -> PlannedFile:
        """Writes those of some secrets, none of which is in a row.

        Raises:
            ReportError: it cannot be written.
        """
        with blaming(files.folder / UNCOVERED), files.place(UNCOVERED) as out:
            lines = CsvFile(out, HEADER)
            for one in secrets:
                if plain_key(one.kms_key_id) in self._old_keys:
                    self.counts[one.project] = self.counts.get(one.project, 0) + 1
                    lines.write(self._cells(one))
        return PlannedFile(name=UNCOVERED, sha256=out.sha256, rows=lines.rows)

    def _cells(self, one: SeenSecret) -> tuple[str, ...]:
        standstill = ", pending deletion" if one.pending_deletion else ", frozen" if one.frozen else ""
        return (
            name_cell(one.project.project_id),
            name_cell(one.name),
            name_cell(one.kms_key_id),
            cell(self._reason + standstill),
        )
