"""Turns a manifest into rows of the job, each valid or invalid for a stated reason, and says all that is wrong."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import repeat

import msgspec

from jobs.ledger import Carried
from jobs.manifest.layout import ACCOUNT
from jobs.manifest.readers import read_blocks
from jobs.manifest.readers.cells import Cells, Column
from jobs.manifest.scopes import NO_ROW_NAMES_A_PROJECT, CellFault, ScopeTable
from jobs.manifest.selection import Selection
from jobs.manifest.source import ManifestCopy
from jobs.model import InvalidRow, PlannedRow, Scope, SecretUpdate
from jobs.problem import Problem, quoted
from jobs.rules import Check, description_fault, key_check, name_fault, sound_name
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
    be used: the rows it concerns are missing, and reading continues where that makes sense, so that all are reported.
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
        self._selection = selection
        self._told: set[str] = set()

    def plan(self, cells: Cells) -> Batch:
        problems = list(self._hopeless(cells))
        rows = list[PlannedRow | InvalidRow]()
        # Few keys and texts are shared by many rows: each is judged once.
        bad_keys = _unsound(self._check_key, cells.kms_key_id, cells.expected_kms_key_id)
        bad_texts = _unsound(description_fault, cells.description)
        selection = self._selection.of_block(cells.rows, cells.secret_name)
        for record, selected, scope in zip(_records(cells), selection, self._scopes_of(cells), strict=False):
            row, name, key, _, _, description, expected, _, wave = record
            if (
                scope is None
                or name is None
                or key is None
                or not sound_name(name)
                or key in bad_keys
                or description in bad_texts
                or (expected and expected in bad_keys)
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

    def _scopes_of(self, cells: Cells) -> Iterator[Scope | None]:
        find = self._scopes.find
        if cells.project_id is None and cells.region is None and cells.account is None:
            return repeat(find(None, None))
        return map(find, *(column or repeat(None) for column in (cells.project_id, cells.region, cells.account)))

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


def _unsound(fault: Check, *columns: Column | None) -> set[str | None]:
    return {cell for column in columns for cell in set(column or ()) if fault(cell)}


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
