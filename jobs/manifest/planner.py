"""Turns a manifest into rows of the job, each valid or invalid for a stated reason, and says all that is wrong."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import repeat

import msgspec

from jobs.ledger import Carried
from jobs.manifest.layout import ACCOUNT
from jobs.manifest.readers import read_blocks
from jobs.manifest.readers.cells import Cells
from jobs.manifest.scopes import NO_ROW_NAMES_A_PROJECT, CellFault, ScopeTable
from jobs.manifest.selection import Selection
from jobs.manifest.source import ManifestCopy
from jobs.model import InvalidRow, PlannedRow, SecretUpdate
from jobs.problem import Problem, quoted
from jobs.rules import description_fault, key_check, name_fault
from jobs.spec import JobSpec

_Cell = str | None
_Record = tuple[int, _Cell, _Cell, _Cell, _Cell, _Cell, _Cell, _Cell, _Cell]
"""Row number, then the cells in the order of the layout, and the wave."""


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Some rows, in manifest order, and what is wrong with or around them, in the same order."""

    rows: list[PlannedRow | InvalidRow]
    problems: list[Problem]


def read_manifest(copy: ManifestCopy, spec: JobSpec, carried: Iterable[Carried] = ()) -> Iterator[Batch]:
    """Reads a manifest from its copy in constant memory; whatever is wrong is a `Problem`, never an exception.

    Rows are numbered from 1; in a text, row N stands on line N + 1. A row that is unusable by itself becomes an
    `InvalidRow` and a problem for each thing wrong with it. A structural problem means that nothing of the manifest may
    be used: the rows it concerns are missing, and reading goes on where that makes sense, so that all can be told.
    Rows that the job does not select, or only takes along (`carried`), are planned as well, and nothing is said of
    them. Rows that say the same or contradict each other are not looked for here.
    """
    copy = replace(copy, separator=spec.delimiter, wave_by=spec.wave_by)
    selection = Selection(spec, carried)
    planner = _Planner(copy, spec, selection)
    for block in read_blocks(copy, spec.encoding):
        batch = planner.plan(block.cells) if block.cells else Batch(rows=[], problems=[])
        if block.problems:
            merged = sorted((*block.problems, *batch.problems), key=lambda problem: problem.row or 0)
            batch = Batch(rows=batch.rows, problems=merged)
        if batch.rows or batch.problems:
            yield batch
    yield Batch(rows=[], problems=list(selection.problems(copy)))


class _Planner:
    """Judges rows. Columns in `_told` are wrong for every row, which one structural problem has said already."""

    def __init__(self, copy: ManifestCopy, spec: JobSpec, selection: Selection) -> None:
        self._copy = copy
        self._spec = spec
        self._scopes = ScopeTable(spec)
        self._check_key = key_check(spec.key_pattern)
        self._selects = selection.selects
        self._told: set[str] = set()

    def plan(self, cells: Cells) -> Batch:
        problems = list(self._hopeless(cells))
        rows = list[PlannedRow | InvalidRow]()
        find_scope, check_key = self._scopes.find, self._check_key
        for record in _records(cells):
            row, name, key, project, region, description, expected, account, wave = record
            selected = self._selects(row, name or "")
            scope = find_scope(project, region, account)
            if (
                scope is None
                or name is None
                or key is None
                or name_fault(name)
                or check_key(key)
                or description_fault(description)
                or (expected and check_key(expected))
            ):
                faults = self._faults(record)
                if selected:
                    problems += self._problems(row, faults)
                rows.append(_invalid(record, faults[0], selected=selected))
                continue
            update = SecretUpdate(
                secret_name=name, kms_key_id=key, description=description, expected_kms_key_id=expected or None
            )
            rows.append(PlannedRow(row=row, scope=scope, update=update, selected=selected, wave=wave))
        return Batch(rows=rows, problems=problems)

    def _hopeless(self, cells: Cells) -> Iterator[Problem]:
        spec = self._spec
        lacking = []
        if cells.project_id is None and spec.project_id is None:
            lacking.append(("project_id", NO_ROW_NAMES_A_PROJECT))
        if cells.region is None and spec.region is None and spec.endpoint is None:
            lacking.append(("region", "no row names a region; add the column or say --region or --endpoint"))
        if (reason := self._strangers(cells)) is not None:
            lacking.append((ACCOUNT, reason))
        for column, reason in lacking:
            if column not in self._told:
                self._told.add(column)
                yield self._copy.problem(reason, column=column)

    def _strangers(self, cells: Cells) -> str | None:
        """An account that has no login makes the whole file unusable: another login is never taken for it."""
        named = {one for one in cells.account or () if one}
        if named and self._spec.accounts is None:
            return "rows name accounts: say with --accounts FILE which login each has, or rename the column"
        if self._spec.accounts is None or named <= {*self._spec.accounts.names}:
            return None
        return f"{quoted(min(named - {*self._spec.accounts.names}))} is not an account in {self._spec.accounts.path}"

    def _faults(self, record: _Record) -> list[CellFault]:
        _, name, key, project, region, description, expected, account, _ = record
        checked = (
            [("secret_name", name_fault(name)), ("kms_key_id", self._check_key(key))],
            self._scopes.faults(project, region, account),
            [
                ("description", description_fault(description)),
                ("expected_kms_key_id", self._check_key(expected) if expected else None),
            ],
        )
        return [CellFault(column, reason) for part in checked for column, reason in part if reason]

    def _problems(self, row: int, faults: list[CellFault]) -> Iterator[Problem]:
        return (self._copy.row_problem(row, *fault) for fault in faults if fault.column not in self._told)


def _records(cells: Cells) -> Iterator[_Record]:
    absent = repeat(None)
    return zip(
        cells.rows,
        cells.secret_name,
        cells.kms_key_id,
        absent if cells.project_id is None else cells.project_id,
        absent if cells.region is None else cells.region,
        absent if cells.description is None else cells.description,
        absent if cells.expected_kms_key_id is None else cells.expected_kms_key_id,
        absent if cells.account is None else cells.account,
        absent if cells.wave is None else (wave or "" for wave in cells.wave),
        strict=False,  # what is absent is absent for ever
    )


def _invalid(record: _Record, fault: CellFault, *, selected: bool) -> InvalidRow:
    row, name, key, project, region, _, _, _, wave = record
    column, reason = fault
    return InvalidRow(
        row=row,
        secret_name=name or "",
        kms_key_id=key or "",
        region=region or "",
        project_id=project or "",
        column=column,
        reason=reason,
        selected=selected,
        wave=wave,
    )
