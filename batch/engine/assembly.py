"""Puts the parts of one scope together."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from batch.csms.client import CsmsClient
from batch.engine.beforehand import Beforehand, Keep, KeptFirst
from batch.engine.dispatcher import Dispatcher
from batch.engine.fail_fast import FailFast
from batch.engine.first_look import FirstLook
from batch.engine.fresh_rows import FreshRows
from batch.engine.outside import Outside
from batch.engine.progress import Policy
from batch.engine.recorder import Recorder
from batch.engine.row_queue import RowQueue
from batch.engine.row_worker import RowWorker
from batch.engine.scope import ScopeEvents, ScopeRun
from batch.engine.work import begin
from batch.flow.admission import Admission
from batch.flow.slots import ScopeSlots, Slots, Turns
from batch.inventory.asking import Asking
from batch.inventory.listing import Listing
from jobs.ledger import KeysBefore, Ledger, OpenScope
from jobs.spec import Before, Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What all scopes of a session share. A PUT of an earlier session may still be applied until `old_land_until_s`.
    Without `keys_before` nothing is listed. With `keep`, all that is on record is kept before a first PUT leaves.
    """

    limits: Limits
    slots: Slots
    turns: Turns
    old_land_until_s: float
    keys_before: KeysBefore | None
    keep: Keep | None


def shared_by(ledger: Ledger, limits: Limits, slots: Slots, before: Before, outside: Outside) -> Shared:
    """What the scopes of a session share that begins now.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    return Shared(
        limits=limits,
        slots=slots,
        turns=Turns(),
        keys_before=ledger.keys_before if before is Before.LIST else None,
        # A PUT of an earlier session may have left just before this one, with more time than it has now.
        old_land_until_s=outside.clock.now_s() + ledger.told.lands_within_s(),
        keep=outside.keep,
    )


def scope_run(opened: OpenScope, outside: Outside, limits: Limits, recorder: Recorder, events: ScopeEvents) -> ScopeRun:
    """What the parts of one scope share."""
    return ScopeRun(
        opened=opened,
        policy=Policy(max_attempts=limits.max_attempts, timeout_s=limits.timeout_s),
        recorder=recorder,
        events=events,
        clock=outside.clock,
        rng=Random(outside.rng.getrandbits(64)),  # noqa: S311 - jitter, not a secret
    )


def admission_of(scope: ScopeRun, client: CsmsClient, shared: Shared) -> Admission:
    """The one door of a scope, which learns from its answers."""
    turns = shared.turns if client.credential.locks else Turns()
    return Admission(
        shared.limits,
        slots=ScopeSlots(shared.slots, turns, client.credential),
        switch=scope.switch,
        clock=scope.clock,
        rng=Random(scope.rng.getrandbits(64)),  # noqa: S311 - jitter, not a secret
    )


def assemble(
    scope: ScopeRun,
    fresh: FreshRows,
    client: CsmsClient,
    *,
    old_land_until_s: float,
    admission: Admission,
    fail_fast: FailFast,
) -> Dispatcher:
    """Some rows of one scope, ready to run."""
    queue = RowQueue(
        fresh,
        begin=lambda row: begin(row, scope.policy, old_land_until_s, looks=scope.looks),
        intend=scope.recorder.intend,
        holds=fail_fast.holds,
    )
    worker = RowWorker(scope, client, admission=admission, queue=queue, fail_fast=fail_fast)
    return Dispatcher(scope, queue, admission=admission, worker=worker, fail_fast=fail_fast)


def before_first_put(
    scope: ScopeRun, fresh: FreshRows, client: CsmsClient, shared: Shared, admission: Admission
) -> Iterator[Beforehand]:
    """What comes before the first PUT of a scope, in this order."""
    if shared.keys_before is not None:
        yield FirstLook(scope, shared.keys_before, _listing(scope, client, admission), fresh)
    if shared.keep is not None:
        yield KeptFirst(shared.keep, scope.switch)


def _listing(scope: ScopeRun, client: CsmsClient, admission: Admission) -> Listing:
    asking = Asking(
        admission,
        credential=client.credential,
        switch=scope.switch,
        rng=Random(scope.rng.getrandbits(64)),  # noqa: S311 - jitter, not a secret
        heard=scope.events.answered,
    )
    return Listing(client, asking, brief=True)
