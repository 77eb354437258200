"""Puts the parts of one scope together."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from random import Random

from batch.csms.client import CsmsClient
from batch.engine.dispatcher import Dispatcher
from batch.engine.fail_fast import KeyWatch, RightsWatch
from batch.engine.row_queue import RowQueue
from batch.engine.row_worker import RowWorker
from batch.engine.scope import ScopeRun
from batch.engine.work import begin
from batch.flow.admission import Admission
from batch.flow.slots import ScopeSlots, Slots, Turns
from jobs.ledger import OpenRow
from jobs.spec import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What all scopes of a session share. A PUT of an earlier session may still be applied until `old_land_until_s`."""

    limits: Limits
    slots: Slots
    turns: Turns
    old_land_until_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRows:
    """What a scope reads from the ledger: `page(after_row, limit)` are its open rows, `accepted` the keys that earlier
    sessions were accepted with.
    """

    page: Callable[[int, int], list[OpenRow]]
    accepted: Callable[[], frozenset[str]]


def assemble(scope: ScopeRun, rows: OpenRows, client: CsmsClient, shared: Shared) -> Dispatcher:
    """One scope, ready to run."""
    accepted = cache(rows.accepted)
    keys = KeyWatch(accepted)
    queue = RowQueue(
        page=rows.page,
        begin=partial(begin, policy=scope.policy, old_land_until_s=shared.old_land_until_s),
        intend=scope.recorder.intend,
        holds=keys.holds,
    )
    turns = shared.turns if client.credential.locks else Turns()
    admission = Admission(
        shared.limits,
        slots=ScopeSlots(shared.slots, turns, client.credential),
        switch=scope.switch,
        clock=scope.clock,
        rng=Random(scope.rng.getrandbits(64)),  # noqa: S311 - jitter, not a secret
    )
    rights = RightsWatch(lambda: bool(accepted()))
    worker = RowWorker(scope, client, admission=admission, queue=queue, keys=keys, rights=rights)
    return Dispatcher(scope, queue, admission, worker)
