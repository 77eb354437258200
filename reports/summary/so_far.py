"""The input of a command that decides between two waves: how the run stands, in the words of its summary."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from jobs.job_facts import JobFacts, job_facts
from jobs.ledger import Ledger, ScopeCount
from jobs.ledger.record import JobRecord
from jobs.model import Group, StatusCount
from jobs.printable import printable, shortened
from reports.summary.schema import ByGroup, ByStatus, ManifestSummary, ScopeSummary
from reports.summary.session_facts import wave_summary
from reports.summary.sessions import WaveSummary


class SoFar(msgspec.Struct, frozen=True, kw_only=True):
    """Its fields are those of `summary.json`, as far as they are known before the end; `wave` is the one that ended.
    Rows that have not ended count as not attempted.
    """

    schema: Literal["csms-rekey/so-far/1"] = "csms-rekey/so-far/1"
    version: str
    wave: str
    job: JobFacts
    manifest: ManifestSummary
    by_status: ByStatus
    by_group: ByGroup
    scopes: tuple[ScopeSummary, ...]
    waves: tuple[WaveSummary, ...]
    left_out: int


def so_far_json(ledger: Ledger, record: JobRecord, wave: str) -> bytes:
    """How a run stands after a wave.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    told, manifest = ledger.told, record.manifest
    counts = told.counts()
    so_far = SoFar(
        version=record.version,
        wave=shortened(wave),
        job=job_facts(record.spec),
        manifest=ManifestSummary(
            name=printable(manifest.name), sha256=manifest.sha256, bytes=manifest.size_bytes, rows=manifest.rows
        ),
        by_status=ByStatus(**{count.status.value: count.rows for count in counts}),
        by_group=ByGroup(**{group.value: _of_group(counts, group) for group in Group}),
        scopes=tuple(map(_scope, told.scopes())),
        waves=tuple(map(wave_summary, told.waves())),
        left_out=told.left_out(),
    )
    return msgspec.json.encode(so_far) + b"\n"


def _of_group(counts: Sequence[StatusCount], group: Group) -> int:
    return sum(count.rows for count in counts if count.status.group is group)


def _scope(count: ScopeCount) -> ScopeSummary:
    return ScopeSummary(
        endpoint=count.endpoint,
        project_id=printable(count.project_id),
        region=None if count.region is None else shortened(count.region),
        rows=count.rows,
        done=count.done,
        fix_first=count.rows - count.done - count.run_again - count.left_out,
        run_again=count.run_again,
        stopped=None if count.stopped is None else shortened(count.stopped),
        left_out=count.left_out,
    )
