"""Several runs of the tool at once against one service, in one virtual time: what they leave each other of a quota."""

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from random import Random

import msgspec

from batch.sandbox.assembly import Sandbox
from jobs.ledger import Ledger, SessionStart
from jobs.model import Status
from jobs.spec import Limits
from tests.engine.machine import UTC_S, Job, load_job, session_of
from tests.engine.network import Line, Network
from tests.engine.rows import moves
from tests.kit.records import Record, records_of
from tests.virtual import VirtualLoop


class Sharing(msgspec.Struct, frozen=True, kw_only=True):
    """While all of them sent: what was accepted of all, how evenly (Jain), and the share of requests refused."""

    accepted_per_s: float
    fairness: float
    refused: float


def share_a_quota(folder: Path, sandbox: Sandbox, allowed: Limits, runs: int, *, seed: int) -> Sharing:
    """So many runs at once over the secrets of one project, each with as many of them; all are done in the end."""
    jobs = _split(folder, sandbox, runs)
    _run(jobs, allowed, seed)
    assert all({*job.statuses()} == {Status.UPDATED} for job in jobs)
    records = records_of(sandbox.journal)
    return _measured([_own(job, records) for job in jobs], records)


def _own(job: Job, records: Sequence[Record]) -> list[Record]:
    names = {one.secret_name for one in job.asked}
    return [record for record in records if record.secret_name in names]


def _measured(owned: Sequence[Sequence[Record]], records: Sequence[Record]) -> Sharing:
    until_s = min(own[-1].at_s for own in owned)
    accepted = [sum(record.status == 200 and record.at_s <= until_s for record in own) for own in owned]
    meanwhile = [record for record in records if record.at_s <= until_s]
    return Sharing(
        accepted_per_s=sum(record.status == 200 for record in meanwhile) / (until_s - records[0].at_s),
        fairness=sum(accepted) ** 2 / (len(accepted) * sum(count**2 for count in accepted)),
        refused=sum(record.status == 429 for record in meanwhile) / len(meanwhile),
    )


def _split(folder: Path, sandbox: Sandbox, parts: int) -> list[Job]:
    rows = moves(sandbox)
    size = len(rows) // parts
    cuts = [rows[first : first + size] for first in range(0, size * parts, size)]
    return [
        load_job(
            folder / str(number), sandbox, [msgspec.structs.replace(one, row=row) for row, one in enumerate(cut, 1)]
        )
        for number, cut in enumerate(cuts)
    ]


def _run(jobs: Sequence[Job], allowed: Limits, seed: int) -> None:
    """One session of each, all of them from the same moment on."""
    loop = VirtualLoop()
    line = Line(timeout_s=allowed.timeout_s, rng=Random(seed))
    network = Network(jobs[0].sandbox.exchange, line, start_s=1.0, loop_s=loop.time())

    async def all_of_them(ledgers: Sequence[Ledger]) -> None:
        sessions = [
            session_of(job, allowed, ledger=ledger, network=network, rng=Random(f"{seed} {number}"))
            for number, (job, ledger) in enumerate(zip(jobs, ledgers, strict=True))
        ]
        await asyncio.gather(*(one.run() for one in sessions))

    with ExitStack() as stack:
        stack.callback(loop.close)
        ledgers = [stack.enter_context(Ledger(job.folder)) for job in jobs]
        for ledger in ledgers:
            ledger.begin_session(SessionStart(started_at=UTC_S, timeout_s=allowed.timeout_s))
        loop.run_until_complete(all_of_them(ledgers))
