"""Holds the lease of a shard for as long as a process works on it, with the newest ledger there is in its place."""

import os
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from signal import SIGTERM

from batch.fleet import campaign
from batch.fleet.campaign import Worker
from batch.fleet.clock import boot_id, boot_s
from batch.fleet.home import Home, Mark
from batch.fleet.lease import LeaseRecord, LeaseTimes
from batch.fleet.storage import Storage
from batch.fleet.taking import Taker
from batch.fleet.tenant import Tenant
from batch.process.signals import InterruptedBySignal
from batch.process.tied import drain
from jobs.manifest.incoming import Incoming
from jobs.printable import storable
from jobs.run_dir.filesystem import network_filesystem
from jobs.run_dir.run_dir import RunDirectory


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Who wants a shard: a process whose requests end within `timeout_s`, and which waits for an owner that is alive
    for `wait_s`. `say` has a line for the user.
    """

    storage: Storage
    shard: int
    home: Home
    times: LeaseTimes
    timeout_s: float
    wait_s: float
    say: Callable[[str], None]


@contextmanager
def held(claim: Claim, directory: RunDirectory, incoming: Incoming) -> Iterator[Tenant]:
    """Holds it while the block runs, in a run directory whose lock the caller holds; its files are those of `incoming`.

    Raises:
        LeaseHeldError: another process works on it.
        InterruptedBySignal: the campaign was stopped meanwhile, as by a signal.
        OSError: the campaign folder or this disk cannot be read or written.
        LedgerError: the ledgers that are there cannot be used.
    """
    mine = _lease(claim)
    taker = Taker(
        files=claim.storage,
        shard=claim.shard,
        times=claim.times,
        clock=boot_s,
        wait_s=claim.wait_s,
        say=claim.say,
        nap=_nap(claim),
    )
    keeper = taker.take(mine, gone=_gone(claim.home))
    keeper.on_stop = drain
    tenant = Tenant(keeper, claim.storage, claim.home.path, claim.times, timeout_s=claim.timeout_s)
    try:
        if (words := claim.home.restore(claim.storage, directory, incoming)) is not None:
            claim.say(f"shard {claim.shard}: {words}")
        # What is recorded from now on is newer than any snapshot of those before.
        claim.home.sign(Mark(epoch=keeper.epoch, nonce=mine.nonce))
        yield tenant
    finally:
        if tenant.begun:
            # Whether its requests have ended is not known.
            keeper.stop()
        else:
            keeper.release(tenant.quiet_s)


def _nap(claim: Claim) -> Callable[[float], None]:
    """To wait for a lease takes minutes, and a campaign that was stopped by then begins nothing."""

    def nap(seconds: float) -> None:
        time.sleep(seconds)
        if claim.storage.get(campaign.STOP) is not None:
            claim.say(f"shard {claim.shard}: the campaign was stopped, so nothing is begun")
            raise InterruptedBySignal(SIGTERM)

    return nap


def _lease(claim: Claim) -> LeaseRecord:
    return LeaseRecord(
        owner=Worker(host=storable(socket.gethostname()), pid=os.getpid()),
        nonce=uuid.uuid4().hex,
        boot=boot_id(),
        lapse_s=claim.times.lapse_s,
        timeout_s=claim.timeout_s,
        at=time.time(),
        state="starting",
    )


def _gone(home: Home) -> str | None:
    """The owner that has ended for certain: its lock is ours now, which only on a disk of this machine says so."""
    mark = None if network_filesystem(home.path) is not None else home.mark()
    return None if mark is None else mark.nonce
