"""Does the errands of one project: asks what the sightings do not hold yet, and records each answer as it arrives."""

from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import assert_never

import structlog

from batch.csms.client import CsmsClient
from batch.csms.faults import Fault, FaultKind
from batch.csms.keys_and_versions import KeysAndVersions
from batch.csms.messages import Departure
from batch.csms.paging import ListLies, Paging, turn
from batch.csms.views import VersionPage, VersionView
from batch.inventory.crew import Crew
from batch.inventory.errands import Confirm, DescribeKeys, Errand, ListSecrets, ReadSecrets, ReadVersions, in_words
from batch.inventory.listing import Listing
from batch.inventory.project import ProjectState
from batch.inventory.questions import Questions
from batch.inventory.sighted import Sighted
from jobs.sightings import ListedSoFar, Sightings

_log = structlog.get_logger()
_NAMES = 500
_VERSIONS = 1_000
_MOST_REFUSALS = 5
"""Refusals of a right with nothing shown between them: the others would be refused as well."""
_MOST_CONFIRMATIONS = 5
"""Lists of a project that others change again and again while it is read."""
_Names = Callable[[str, int], list[str]]


class Doing:
    """Works on one project until its errands are done or nothing more may be asked."""

    def __init__(
        self,
        state: ProjectState,
        sightings: Sightings,
        questions: Questions,
        *,
        client: CsmsClient,
        keys: KeysAndVersions,
        most: int,
    ) -> None:
        self._state = state
        self._sightings = sightings
        self._questions = questions
        self._client = client
        self._keys = keys
        self._most = most
        self._project = state.project
        self._sighted = Sighted(state.project, state.clean)
        self._refused = 0

    async def run(self, errands: Iterable[Errand]) -> None:
        """Does one after the other.

        Raises:
            LedgerError: the sightings cannot be read or written.
        """
        for errand in errands:
            if self._state.switch.stopped:
                return
            self._state.doing, self._refused = in_words(errand), 0
            match errand:
                case ListSecrets(number=number):
                    await self._list(number)
                case ReadSecrets():
                    await self._each(partial(self._sightings.unread, self._project), self._read, self._give_up_reads)
                case ReadVersions():
                    await self._all_versions()
                case Confirm():
                    await self._confirm()
                case DescribeKeys(key_ids=key_ids):
                    await self._describe(self._sightings.undescribed(self._project, key_ids))
                case _:
                    assert_never(errand)

    def close(self) -> None:
        """Nothing more is asked of this project: the shares of the others grow."""
        self._state.switch.stop()
        self._state.doing = ""
        self._state.admission.close()

    async def _list(self, number: int) -> None:
        so_far = self._sightings.so_far(self._project, number)
        if so_far.over:
            return
        listing = Listing(self._client, self._questions, paging=Paging(marker=so_far.marker, pages=so_far.pages))
        while listing.more:
            page = await listing.next()
            if listing.stopped:
                return
            if (trouble := listing.failed or listing.lie) is not None and not page:
                self._fail_list(number, trouble)
                return
            paging = listing.paging
            after = ListedSoFar(marker=paging.marker, pages=paging.pages, over=listing.whole)
            self._sightings.see_page(self._project, self._sighted.page(page), after, number=number)
            if trouble is not None:
                self._fail_list(number, trouble)

    async def _all_versions(self) -> None:
        names = partial(self._sightings.unversioned, self._project)
        await self._each(names, self._versions, self._give_up_versions)

    async def _confirm(self) -> None:
        """Ends where a list shows nothing that was not known, or nothing more can be learned."""
        for _ in range(_MOST_CONFIRMATIONS):
            number = self._sightings.begin_list(self._project)
            await self._all_versions()
            if self._state.switch.stopped:
                return
            given_up, self._refused = self._refused >= _MOST_REFUSALS, 0
            await self._list(number)
            vanished = partial(self._sightings.vanished, self._project, number)
            await self._each(vanished, self._read, self._give_up_reads)
            if given_up or not self._sightings.unversioned(self._project, "", 1):
                return

    def _fail_list(self, number: int, trouble: Fault | str) -> None:
        words = self._sighted.words(trouble)
        _log.warning("list.failed", project_id=self._project.project_id, reason=words)
        self._sightings.fail_list(self._project, words, number=number)

    async def _each(
        self, names: _Names, do: Callable[[str], Awaitable[Fault | None]], give_up: Callable[[Fault], None]
    ) -> None:
        """Asks about each name, those of a page of the table after those of the page before."""
        crew, after = Crew(self._most), ""
        while page := names(after, _NAMES):
            after = page[-1]
            for name in page:
                await crew.take(self._ask_about(name, do, give_up))
                if self._state.switch.stopped or self._refused >= _MOST_REFUSALS:
                    await crew.finish()
                    return
        await crew.finish()

    async def _ask_about(
        self, name: str, do: Callable[[str], Awaitable[Fault | None]], give_up: Callable[[Fault], None]
    ) -> None:
        if self._state.switch.stopped or self._refused >= _MOST_REFUSALS:
            return
        refusal = await do(name)
        self._state.on_seen()
        self._refused = 0 if refusal is None else self._refused + (refusal.kind is FaultKind.FORBIDDEN)
        if refusal is not None and self._refused == _MOST_REFUSALS:
            give_up(refusal)

    async def _read(self, name: str) -> Fault | None:
        answer = await self._questions.ask(partial(self._client.show_secret, name), single=True)
        if isinstance(answer, Fault):
            self._sightings.see_secret(self._sighted.unseen(name, answer))
            return answer if answer.kind is not FaultKind.ABSENT else None
        if answer is not None:
            self._sightings.see_secret(self._sighted.secret(answer))
        return None

    async def _versions(self, name: str) -> Fault | None:
        versions: list[VersionView] = []
        paging: Paging | None = Paging()
        while paging is not None:
            page = await self._questions.ask(partial(self._version_page, name, paging.marker), single=True)
            if page is None:
                return None
            if isinstance(page, Fault):
                self._sightings.fail_versions(self._project, name, self._sighted.words(page))
                return page
            turned = turn(paging, page)
            versions += (page.versions[place] for place in turned.fresh)
            if isinstance(turned.then, ListLies):
                self._sightings.fail_versions(self._project, name, self._sighted.words(turned.then.reason))
                return None
            paging = turned.then if isinstance(turned.then, Paging) else None
        seen = [self._sighted.version(name, one) for one in versions]
        self._sightings.see_versions(self._project, name, seen)
        return None

    async def _version_page(self, name: str, marker: str | None, departure: Departure) -> VersionPage | Fault:
        return await self._keys.list_versions(name, limit=_VERSIONS, marker=marker, departure=departure)

    async def _describe(self, key_ids: Iterable[str]) -> None:
        crew = Crew(self._most)
        for key_id in key_ids:
            await crew.take(self._describe_one(key_id))
        await crew.finish()

    async def _describe_one(self, key_id: str) -> None:
        # A place that serves secrets need not serve keys.
        bears = frozenset({FaultKind.MISCONFIGURED})
        answer = await self._questions.ask(partial(self._keys.describe_key, key_id), single=True, bears=bears)
        if isinstance(answer, Fault):
            self._sightings.see_key(self._sighted.no_key(key_id, answer))
        elif answer is not None:
            self._sightings.see_key(self._sighted.key(answer, key_id))

    def _give_up_reads(self, refusal: Fault) -> None:
        self._sightings.give_up_reads(self._project, self._sighted.words(refusal))

    def _give_up_versions(self, refusal: Fault) -> None:
        self._sightings.give_up_versions(self._project, self._sighted.words(refusal))
