"""Loads a manifest into a new ledger and says everything that is wrong with it: what `check` and `run` do alike."""

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

import msgspec

from jobs.ledger import Carried, Loader
from jobs.ledger.forecast import Asks
from jobs.ledger.record import JobRecord, ManifestFacts, PlanFacts, to_meta
from jobs.manifest.planner import read_manifest
from jobs.manifest.source import ManifestCopy
from jobs.problem import Problem
from jobs.spec import JobSpec

MOST_WAVES = 1_000
"""Each is waited for, counted and shown."""


class PlannedRows(Protocol):
    """What a plan says of the rows of its manifest."""

    @property
    def facts(self) -> PlanFacts:
        """Which plan it is."""

    def pages(self) -> Mapping[tuple[str, str], int]:
        """How many pages the secrets of each of its projects fill, by endpoint and project."""

    def carried(self) -> Iterator[Carried]:
        """The rows that a run takes along and never sends, in their order; may be asked for more than once."""


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """What a manifest turned out to be, under its user's name for it, and the file name of its copy. With a
    `structural` problem it is unusable and no ledger was made. `asks` is there where it is known from loading alone;
    else the ledger says it.
    """

    name: str
    copy: str
    rows: int
    invalid: int
    structural: int
    rows_here: int | None = None
    """How many of the rows the ledger holds, where it is that of a shard."""
    asks: Asks | None = None

    def usable(self, *, strict: bool) -> bool:
        """Whether anything of it may be sent."""
        return not self.structural and not (strict and self.invalid)


def load(
    copy: ManifestCopy,
    spec: JobSpec,
    folder: Path,
    *,
    version: str,
    on_problem: Callable[[Problem], None],
    planned: PlannedRows | None = None,
) -> Loaded:
    """Writes every row of a manifest into `folder`'s ledger; `on_problem` receives each problem when it is found. With
    `planned` it is that of a plan, which says what rows it could not do.

    The ledger gets its name, and can be run, only if the manifest is usable.

    Raises:
        LedgerError: the ledger cannot be written.
    """
    loader = Loader(folder)
    try:
        loaded = _fill(loader, copy, spec, on_problem, planned)
        if loaded.usable(strict=spec.strict):
            facts = ManifestFacts(
                name=copy.name, copy=copy.path.name, sha256=copy.sha256, size_bytes=copy.size, rows=loaded.rows
            )
            plan = None if planned is None else planned.facts
            record = JobRecord(
                version=version,
                spec=spec,
                manifest=facts,
                created_at=time.time(),
                plan=plan,
                rows_here=loaded.rows_here,
            )
            loader.finish(to_meta(record))
    finally:
        loader.abandon()
    return loaded


def _fill(
    loader: Loader,
    copy: ManifestCopy,
    spec: JobSpec,
    on_problem: Callable[[Problem], None],
    planned: PlannedRows | None,
) -> Loaded:
    rows = invalid = structural = 0
    for batch in read_manifest(copy, spec, () if planned is None else planned.carried()):
        for problem in batch.problems:
            structural += problem.structural
            on_problem(problem)
        rows += len(batch.rows)
        invalid += loader.add(batch.rows)
    if planned is not None:
        loader.carry(planned.carried())
    for conflict in loader.settle_repeats():
        invalid += 1
        on_problem(copy.row_problem(conflict.row, "secret_name", conflict.reason))
    if spec.limit is not None:
        loader.leave_out_beyond(spec.limit)
    if spec.wave_by is not None and loader.settle_waves(MOST_WAVES) > MOST_WAVES:
        structural += 1
        on_problem(copy.problem(f"--wave-by: more than {MOST_WAVES:,} values; each is a wave", column=spec.wave_by))
    rows_here = None if spec.shard is None else loader.keep(spec.shard)
    return Loaded(
        name=copy.name,
        copy=copy.path.name,
        rows=rows,
        invalid=invalid,
        structural=structural,
        rows_here=rows_here,
        asks=loader.asks(),
    )
