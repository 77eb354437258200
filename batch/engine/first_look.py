"""What a scope does before its first PUT: it lists its project's secrets, so that each row's key before is known.

The list decides nothing but which rows have their change already: a name that it does not show is still sent.
"""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from batch.csms.client import SecretView
from batch.csms.faults import bounded
from batch.engine.fresh_rows import FreshRows
from batch.engine.retry import Finish, shows_change
from batch.engine.scope import ScopeRun
from batch.engine.work import LONGEST_KEY_ID, begin, outcome_of
from batch.inventory.listing import Listing
from jobs.ledger import KeysBefore, LedgerError, ListedKey, OpenRow
from jobs.model import Status

_log = structlog.get_logger()


class FirstLook:
    """Lists as many pages as save more reads than they cost; what they leave unseen is read row by row."""

    def __init__(self, scope: ScopeRun, keys: KeysBefore, listing: Listing, fresh: FreshRows) -> None:
        self._scope = scope
        self._keys = keys
        self._listing = listing
        self._fresh = fresh
        self._task: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Only what is a defect leaves here as an exception."""
        self._task = asyncio.create_task(self._look())
        await asyncio.wait({self._task})
        if not self._task.cancelled():
            self._task.result()

    def cancel(self) -> None:
        """Breaks off what is in flight."""
        if self._task is not None:
            self._task.cancel()

    async def _look(self) -> None:
        try:
            await self._list()
        except LedgerError as error:
            self._scope.recorder.fail(error)

    async def _list(self) -> None:
        scope_id, listing = self._scope.opened.id, self._listing
        unseen, found, open_before = self._keys.begin(scope_id), 0, self._scope.open_rows
        while listing.more and _one_more(listing.pages, unseen, found):
            page = await listing.next()
            shown = self._keys.note(scope_id, _listed(page, self._scope.recorder.clean))
            found = sum(row.unseen for row, _ in shown)
            unseen -= found
            for row, secret in shown:
                self._end(row, secret)
        if listing.stopped:
            return
        if self._scope.open_rows < open_before:
            # Whatever has ended is in the ledger before the first page of open rows is read.
            self._scope.recorder.flush()
            self._fresh.left = min(self._fresh.left, self._scope.open_rows)
        self._scope.looks = listing.failed is None
        self._keys.end(scope_id, self._trouble())

    def _end(self, row: OpenRow, secret: ListedKey) -> None:
        """Ends a row that has what it asks for."""
        if not shows_change(row.update, secret.kms_key_id, secret.description):
            return
        work, now_s = begin(row, self._scope.policy, 0.0), self._scope.clock.now_s()
        view = SecretView(name=secret.secret_name, kms_key_id=secret.kms_key_id)
        finish = Finish(status=Status.VERIFIED if row.doubt else Status.UNCHANGED, view=view)
        self._scope.end(outcome_of(work, finish, now_s=now_s, clock=self._scope.clock))

    def _trouble(self) -> str | None:
        """What went wrong with the list, as it may be kept."""
        fault, reason = self._listing.failed, self._listing.lie
        if fault is not None:
            reason = f"{fault.code}: {fault.message}"
        if reason is None:
            return None
        reason = self._scope.recorder.clean(bounded(reason))
        _log.warning("list.failed", project_id=self._scope.opened.scope.project_id, reason=reason)
        return reason


def _one_more(pages: int, unseen: int, found: int) -> bool:
    """Whether to ask for another page, where so many were asked for and the last one has `found` rows: the first always
    is, and then as long as they are fewer than the rows that would have to be read. Pages that save reads need not stop
    at the last few rows, which they leave over where each begins with the last secret of the one before.
    """
    return pages < max(1, unseen) or min(unseen, found) > 1


def _listed(page: Sequence[SecretView], clean: Callable[[str], str]) -> list[ListedKey]:
    """As it may be kept: from a server that is not what it seems a key can be anything."""
    keys = {key: clean(bounded(key, LONGEST_KEY_ID)) for key in {one.kms_key_id for one in page}}
    return [
        ListedKey(secret_name=one.name, kms_key_id=keys[one.kms_key_id], description=one.description) for one in page
    ]
