"""Reads a key map, which says for each old key the new one: with the readers of manifests, and as strictly."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import repeat

from jobs.ledger import same_key
from jobs.manifest.layout import Layout
from jobs.manifest.readers import read_blocks
from jobs.manifest.readers.cells import Cells
from jobs.manifest.source import ManifestCopy
from jobs.model import KeyMove
from jobs.problem import Problem, quoted
from jobs.regions import endpoint_for
from jobs.rules import Check, key_check, project_check
from jobs.spec import JobSpec

LAYOUT = Layout(("old_kms_key_id", "new_kms_key_id"), ("project_id", "region"))
_Record = tuple[int, str | None, str | None, str | None, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyMap:
    """The moves, and what is wrong: with a problem, nothing of the file may be used."""

    moves: tuple[KeyMove, ...]
    problems: tuple[Problem, ...]


def read_key_map(copy: ManifestCopy, spec: JobSpec) -> KeyMap:
    """Reads a key map from its copy. Any bad row makes it unusable: a plan that leaves keys out would look whole."""
    copy = replace(copy, separator=spec.delimiter, layout=LAYOUT)
    rules, rows, problems = _Rules(copy, spec), dict[int, KeyMove](), list[Problem]()
    for block in read_blocks(copy, spec.encoding):
        problems += block.problems
        for record in _records(block.cells):
            faults = list(rules.faults(record))
            problems += faults
            if not faults:
                rows[record[0]] = _move(record)
    if not rows and not problems:
        problems.append(copy.problem("no row names a key"))
    moves = tuple(dict.fromkeys(rows.values()))
    if not problems:
        problems += _chains(copy, rows, moves)
    return KeyMap(moves=moves, problems=tuple(problems))


def pairs(old: tuple[str, ...], new: tuple[str, ...], spec: JobSpec) -> tuple[KeyMove, ...]:
    """The moves that `--old-key` and `--new-key` ask for, each with the one at its place.

    Raises:
        ValueError: they are not pairs, or one cannot be used; the message begins with the option.
    """
    if len(old) != len(new):
        raise ValueError(f"--new-key: {len(old)} of --old-key and {len(new)} of --new-key; give them as pairs")
    check = key_check(spec.key_pattern)
    for option, keys in (("old-key", old), ("new-key", new)):
        for key in keys:
            if reason := check(key):
                raise ValueError(f"--{option}: {reason}")
    seen = dict[str, str]()
    for one, other in zip(old, new, strict=True):
        if same_key(one) == same_key(other):
            raise ValueError(f"--new-key: {other} is the old key itself")
        if seen.setdefault(same_key(one), same_key(other)) != same_key(other):
            raise ValueError(f"--old-key: {one} is given twice, with different new keys")
    for other in new:
        if same_key(other) in seen:
            raise ValueError(f"--new-key: {other} is an --old-key too; give the key that secrets end on")
    return tuple(KeyMove(old_kms_key_id=a, new_kms_key_id=b) for a, b in zip(old, new, strict=True))


def target_of(moves: tuple[KeyMove, ...], *, kms_key_id: str, project_id: str, region: str | None) -> str | None:
    """Where a secret on a key goes, None where no row says: a row of its project comes before one of its region, and
    that before one for all.
    """
    found = [
        move
        for move in moves
        if same_key(move.old_kms_key_id) == same_key(kms_key_id)
        and move.project_id in {None, project_id}
        and move.region in {None, region}
    ]
    best = max(found, key=lambda move: (move.project_id is not None, move.region is not None), default=None)
    return None if best is None else best.new_kms_key_id


def _chains(copy: ManifestCopy, rows: dict[int, KeyMove], moves: tuple[KeyMove, ...]) -> Iterator[Problem]:
    """Rows whose new key another row leaves at the same place: the next plan would move their secrets on, or back."""
    leaving = dict[str, list[tuple[int, KeyMove]]]()
    for row, move in rows.items():
        leaving.setdefault(same_key(move.old_kms_key_id), []).append((row, move))
    for row, move in rows.items():
        for other, then in leaving.get(same_key(move.new_kms_key_id), ()):
            if _meet(move, then, moves):
                reason = f"is the old key of row {other}; give the key that secrets end on"
                yield copy.row_problem(row, "new_kms_key_id", reason)


def _meet(move: KeyMove, then: KeyMove, moves: tuple[KeyMove, ...]) -> bool:
    """Whether there is a place where a secret comes to a key by one move and would leave it by the other."""
    projects, regions = ({*pair} - {None} for pair in zip(_place(move), _place(then), strict=True))
    if len(projects) > 1 or len(regions) > 1:
        return False
    project, region = next(iter(projects), None), next(iter(regions), None)
    found = target_of(moves, kms_key_id=move.old_kms_key_id, project_id=project or "", region=region)
    return found is not None and same_key(found) == same_key(move.new_kms_key_id)


def _place(move: KeyMove) -> tuple[str | None, str | None]:
    return move.project_id, move.region


class _Rules:
    """Judges rows; those before count where two say something else about one key."""

    def __init__(self, copy: ManifestCopy, spec: JobSpec) -> None:
        self._copy = copy
        self._spec = spec
        self._check_key: Check = key_check(spec.key_pattern)
        self._check_project: Check = project_check(spec.project_pattern)
        self._first: dict[tuple[str, str | None, str | None], tuple[int, str]] = {}

    def faults(self, record: _Record) -> Iterator[Problem]:
        row, old, new, project, region = record
        found = [
            (column, reason)
            for column, reason in (
                ("old_kms_key_id", self._check_key(old)),
                ("new_kms_key_id", self._check_key(new)),
                ("project_id", self._check_project(project) if project else None),
                ("region", self._region_fault(region) if region else None),
            )
            if reason
        ]
        found = found or [("new_kms_key_id", reason) for reason in self._against_others(record)]
        yield from (self._copy.row_problem(row, column, reason) for column, reason in found)

    def _region_fault(self, region: str) -> str | None:
        served = self._spec.region
        if self._spec.endpoint is not None:
            return (
                None if region == served else f"{quoted(region)}, but --endpoint serves {served or 'one region only'}"
            )
        try:
            endpoint_for(region)
        except ValueError as error:
            return str(error)
        return None

    def _against_others(self, record: _Record) -> Iterator[str]:
        row, old, new, project, region = record
        one, other = same_key(old or ""), same_key(new or "")
        if one == other:
            yield "is the old key itself"
        first, said = self._first.setdefault((one, project or None, region or None), (row, other))
        if said != other:
            yield f"row {first} says another new key for the same old key"


def _records(cells: Cells | None) -> Iterator[_Record]:
    if cells is None:
        return iter(())
    absent = repeat(None)
    return zip(
        cells.rows,
        cells.old_kms_key_id,
        cells.new_kms_key_id,
        absent if cells.project_id is None else cells.project_id,
        absent if cells.region is None else cells.region,
        strict=False,  # what is absent is absent for ever
    )


def _move(record: _Record) -> KeyMove:
    _, old, new, project, region = record
    return KeyMove(
        old_kms_key_id=old or "", new_kms_key_id=new or "", project_id=project or None, region=region or None
    )
