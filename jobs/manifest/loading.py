"""Loads a manifest into a new ledger and says everything that is wrong with it: what `check` and `run` do alike."""

import dataclasses
import hashlib
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from jobs.ledger import Carried, LedgerError, Loader
from jobs.ledger.cutting import count_places
from jobs.ledger.forecast import Asks
from jobs.ledger.record import JobRecord, ManifestFacts, PlanFacts, to_meta
from jobs.manifest.planner import read_manifest
from jobs.manifest.source import ManifestCopy
from jobs.problem import Problem
from jobs.run_dir import names
from jobs.run_dir.durable import PART
from jobs.shard import Shard
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
    kept: Path | None = None,
) -> Loaded:
    """Writes every row of a manifest into `folder`'s ledger; `on_problem` receives each problem when it is found. With
    `planned` it is that of a plan, which says what rows it could not do.

    A shard has only its rows, cut out of the ledger of the whole. Where a folder is `kept`, that one stays there, and
    the next shard is cut out of it: the same manifest is not read again, so nothing is found wrong with it again.

    The ledger gets its name, and can be run, only if the manifest is usable.

    Raises:
        LedgerError: the ledger cannot be written.
    """
    job = _Job(copy=copy, spec=spec, version=version, planned=planned)
    if spec.shard is None:
        return _load_whole(job, folder, on_problem)
    with tempfile.TemporaryDirectory(prefix=PART, dir=folder) as name:
        made = Path(name)
        whole = made / names.LEDGER if kept is None else kept / job.name_of_whole
        if not whole.is_file():
            loaded = _load_whole(job.whole, made, on_problem)
            if not loaded.usable(strict=spec.strict):
                return loaded
            count_places(made / names.LEDGER)
            (made / names.LEDGER).replace(whole)
        return _load_shard(job, spec.shard, whole, folder)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    copy: ManifestCopy
    spec: JobSpec
    version: str
    planned: PlannedRows | None

    @property
    def whole(self) -> "_Job":
        return dataclasses.replace(self, spec=self.spec.whole)

    @property
    def name_of_whole(self) -> str:
        """What it follows from says what it is called."""
        plan = None if self.planned is None else self.planned.facts
        source = msgspec.json.encode((self.copy.sha256, self.whole.spec, plan, self.version))
        return f"{hashlib.sha256(source).hexdigest()}.db"

    def record(self, rows: int, rows_here: int | None = None) -> tuple[tuple[str, str], ...]:
        copy = self.copy
        facts = ManifestFacts(name=copy.name, copy=copy.path.name, sha256=copy.sha256, size_bytes=copy.size, rows=rows)
        return to_meta(
            JobRecord(
                version=self.version,
                spec=self.spec,
                manifest=facts,
                created_at=time.time(),
                plan=None if self.planned is None else self.planned.facts,
                rows_here=rows_here,
            )
        )


def _load_whole(job: _Job, folder: Path, on_problem: Callable[[Problem], None]) -> Loaded:
    loader = Loader(folder)
    try:
        loaded = _fill(loader, job, on_problem)
        if loaded.usable(strict=job.spec.strict):
            loader.finish(job.record(loaded.rows))
    finally:
        loader.abandon()
    return loaded


def _load_shard(job: _Job, shard: Shard, whole: Path, folder: Path) -> Loaded:
    loader = Loader(folder)
    try:
        cut = loader.cut(whole, shard, job.spec.shard_by)
        loader.finish(job.record(cut.rows, cut.rows_here))
    except LedgerError:
        # Whatever is wrong with it, the next one reads the manifest again.
        whole.unlink(missing_ok=True)
        raise
    finally:
        loader.abandon()
    return Loaded(
        name=job.copy.name,
        copy=job.copy.path.name,
        rows=cut.rows,
        invalid=cut.invalid,
        structural=0,
        rows_here=cut.rows_here,
    )


def _fill(loader: Loader, job: _Job, on_problem: Callable[[Problem], None]) -> Loaded:
    copy, spec, planned = job.copy, job.spec, job.planned
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
    return Loaded(
        name=copy.name,
        copy=copy.path.name,
        rows=rows,
        invalid=invalid,
        structural=structural,
        asks=loader.asks(),
    )
