"""One project's secrets as the service lists them: page by page, as many as the caller wants to see."""

from functools import partial

from batch.csms.client import CsmsClient, SecretView
from batch.csms.faults import Fault
from batch.csms.paging import ListLies, Paging, turn
from batch.inventory.asking import Asking

_LIMIT = 1_000
"""The most that a page may hold; a service may give fewer."""


class Listing:
    """A list that is being read. `more` says that there may be another page. Where there is none although the list has
    not come to its end, `failed` is what its last page met, `lie` says why it cannot be true, and `stopped` that
    nothing may be sent any more.
    """

    def __init__(
        self, client: CsmsClient, asking: Asking, *, paging: Paging | None = None, brief: bool = False
    ) -> None:
        """With `brief`, nothing but name, key and description is taken of each secret."""
        self._client = client
        self._brief = brief
        self._asking = asking
        self.paging = paging or Paging()
        """The page that is next: its marker is enough to continue from there."""
        self.more = True
        self.pages = 0
        """How many were asked for."""
        self.failed: Fault | None = None
        self.lie: str | None = None
        self.stopped = False

    @property
    def whole(self) -> bool:
        """Whether it was read to its end, as far as known."""
        return not (self.more or self.failed or self.lie or self.stopped)

    async def next(self) -> tuple[SecretView, ...]:
        """The secrets of the next page that were not on the one before."""
        ask = partial(self._client.list_secrets, limit=_LIMIT, marker=self.paging.marker, brief=self._brief)
        page = await self._asking.ask(lambda departure: ask(departure=departure))
        self.pages += 1
        if page is None or isinstance(page, Fault):
            self.more, self.failed, self.stopped = False, page, page is None
            return ()
        turned = turn(self.paging, page)
        if isinstance(turned.then, Paging):
            self.paging = turned.then
        else:
            self.more = False
            self.lie = turned.then.reason if isinstance(turned.then, ListLies) else None
        return tuple(page.secrets[place] for place in turned.fresh)
