"""The last word of an owner: its ledger as it ended, and how that was."""

import time
from pathlib import Path

from batch.fleet import campaign
from batch.fleet.campaign import End
from batch.fleet.keeper import Keeper
from batch.fleet.lease import LAST_WORD_S
from batch.fleet.storage import Storage
from batch.fleet.tenant import Tenant
from batch.process.beside import within
from jobs.ledger import Ledger


def keep_last_word(storage: Storage, tenant: Tenant, folder: Path, exit_code: int) -> None:
    """Keeps the ledger of a run directory whose lease is still held, and that it has ended so.

    Raises:
        LedgerError: the ledger cannot be read.
        OSError: it could not be kept.
    """
    within(lambda: _keep(storage, tenant, folder, exit_code), LAST_WORD_S)


def _keep(storage: Storage, tenant: Tenant, folder: Path, exit_code: int) -> None:
    with tenant.snapshots.next_file() as (file, number):
        with Ledger(folder) as ledger:
            ledger.copies.make(file)
            end = _end(ledger, tenant.keeper, exit_code)
        tenant.snapshots.hand_over(file, number)
    if (why := tenant.why_not()) is not None:
        # The last word on this shard is another owner's.
        raise OSError(why)
    storage.put(campaign.end(tenant.keeper.shard), campaign.to_json(end))


def _end(ledger: Ledger, keeper: Keeper, exit_code: int) -> End:
    told = ledger.told
    counts = told.counts()
    return End(
        epoch=keeper.epoch,
        owner=keeper.record.owner,
        exit_code=exit_code,
        ended_at=time.time(),
        rows=sum(one.rows for one in counts) + told.left_out(),
        open_rows=told.backlog().open_rows,
        counts=tuple(counts),
        sessions=len(told.sessions()),
    )
