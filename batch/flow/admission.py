"""The one door of a scope: says whether a request may leave now, and which, from what its answers have said so far.

Rate, gate, breaker, slots and the turns of the credential all meet here. Every sender - a dispatcher, a listing, a
preflight - calls `enter`, sends, passes the answer to `note` and calls `leave`.
"""

import math
from collections.abc import Callable
from random import Random

from batch.csms.auth.waiting import Waiting
from batch.flow import breaker, concurrency, gate, rate
from batch.flow.condition import Condition
from batch.flow.pacer import Pacer, pacer_for, repaced
from batch.flow.slots import ScopeSlots
from batch.flow.switch import Switch
from batch.flow.ticket import Pass, Ticket
from batch.process.clock import Clock
from jobs.rate import Rate
from jobs.run_view import ScopeState
from jobs.spec import Limits

_SHORTEST_NAP_S = 0.001
# A rate that differs by less is the same to a pacer.
_SAME_RATE = 0.01
_LOGIN_LASTS_S = 3.0


class Admission(Condition):
    """Lets the requests of one scope out, one by one, until `switch` is stopped."""

    def __init__(self, limits: Limits, *, slots: ScopeSlots, switch: Switch, clock: Clock, rng: Random) -> None:
        super().__init__(limits, clock=clock, rng=rng)
        self._slots = slots
        self._switch = switch
        self._paced_per_s = self.rate_per_s
        self._pacer: Pacer = pacer_for(self._paced_per_s, limits.burst)
        self._following = 0
        self._closed = False
        self._proceeded_s = -math.inf
        self.sent = 0
        """Requests that have left."""

    @property
    def in_flight(self) -> int:
        """Requests that are in flight now."""
        return self._slots.in_flight

    @property
    def login(self) -> Waiting | None:
        """The login that requests have been waiting for, once that has taken a while."""
        waiting = self._slots.credential.waiting
        return waiting if waiting is not None and self._clock.now_s() - waiting.since_s >= _LOGIN_LASTS_S else None

    def standing(self, now_s: float) -> tuple[ScopeState, float | None]:
        """As `Condition`; a login that does not answer is an outage too."""
        if (waiting := self.login) is None:
            return super().standing(now_s)
        again_in_s = 0.0 if waiting.again_s is None else waiting.again_s - now_s
        return ScopeState.OUTAGE, again_in_s if again_in_s > 0 else None

    def patience_s(self, now_s: float) -> float:
        """As `Condition`; for a login from its first try on."""
        patience_s = super().patience_s(now_s)
        if self._paused_at_s is not None or (down_s := self._login_down_s(now_s)) <= 0:
            return patience_s
        return max(0.0, min(patience_s, self._limits.max_outage_s - down_s))

    def gives_up_in_s(self, now_s: float) -> float | None:
        """As `Condition`."""
        if self.login is None or self._paused_at_s is not None:
            return super().gives_up_in_s(now_s)
        return self.patience_s(now_s)

    def given_up(self, now_s: float) -> str | None:
        """As `Condition`; what could not leave for want of a login says nothing of the service."""
        if self._slots.credential.waiting is None:
            return super().given_up(now_s)
        down_s = self._login_down_s(now_s)
        if not down_s or down_s < self._limits.max_outage_s or self._paused_at_s is not None:
            return super().given_up(now_s)
        return f"the login has been down for {down_s:.0f} s"

    def _login_down_s(self, now_s: float) -> float:
        """A pause says nothing of it."""
        return 0.0 if (waiting := self.login) is None else now_s - max(waiting.since_s, self._proceeded_s)

    async def enter(
        self, wanted: Callable[[], bool], *, rows_left: Callable[[], int], elsewhere: bool = False
    ) -> Ticket | None:
        """Waits until a request may leave, and counts it; None where none may any more: the scope has stopped or has to
        (see `given_up`), or the request is not `wanted` any more. `rows_left` says how many rows are left to write.
        `elsewhere` says that the row was chosen for where it stands.

        The wait for the rate comes before the slot, so that waiting scopes hold none. Then everything is asked again,
        because the wait for the slot may have been long.
        """
        while not self._switch.stopped and wanted():
            # Before looking: what changes meanwhile must not be wiped away.
            self._switch.changed.clear()
            now_s = self._clock.now_s()
            if self.given_up(now_s) is not None:
                return None
            wait_s = self._wait_s(now_s)
            if wait_s > 0 or self._slots.full(concurrency.allowed(self._concurrency)):
                await self._switch.nap(min(_nap_s(wait_s), self.patience_s(now_s)))
                continue
            await self._slots.acquire(silent=self.unheard)
            asked_s, now_s = now_s, self._clock.now_s()
            # What is asked for each request is not asked twice where nothing was waited for.
            if self._still(wanted, now_s) and (now_s == asked_s or self.given_up(now_s) is None):
                await self._pace(now_s)
                return self._ticket(now_s, rows_left, elsewhere=elsewhere)
            self._slots.release()
        return None

    async def follow(self, ticket: Ticket, until_s: float) -> float | None:
        """Lets the write that belongs to a read leave before everything else, with the read's ticket and slot; returns
        when, or None where it could not leave by `until_s`.
        """
        trial = ticket.good_for is Pass.TRIAL
        if trial:
            # The read was answered, and the trial is not over: no other request may leave meanwhile.
            self._breaker = breaker.sent(self._breaker)
        self._following += 1
        try:
            sent_s = await self._follow(until_s, trial=trial)
        finally:
            self._following -= 1
            self._switch.changed.set()
        if trial and sent_s is None:
            self._breaker = breaker.answered(self._breaker, ours=True, write=False)
        return sent_s

    async def _follow(self, until_s: float, *, trial: bool) -> float | None:
        while not (self._switch.stopped or self._switch.paused):
            now_s = self._clock.now_s()
            wait_s = max(self._pacer.wait_s(now_s), gate.wait_s(self._gate, now_s))
            down = not trial and breaker.wait_s(self._breaker, now_s) > 0
            if down or now_s + wait_s > until_s:
                return None
            if wait_s <= 0:
                await self._pace(now_s)
                return now_s
            await self._switch.sleep(max(wait_s, _SHORTEST_NAP_S))
        return None

    def leave(self) -> None:
        """A request that was let out has ended."""
        self._slots.release()
        self._switch.changed.set()

    def withdraw(self, ticket: Ticket) -> None:
        """What was let out did not leave after all: a pause began before its first byte did."""
        self.sent -= 1
        if ticket.alone:
            self._breaker = breaker.withdrawn(self._breaker)

    def allow(self, asked: Rate) -> None:
        """The user allows another rate: it holds for the next request already, however long that was to wait."""
        if asked == self._limits.rate:
            return
        super().allow(asked)
        now_s = self._clock.now_s()
        self._paced_per_s = rate.per_s(self._rate, now_s)
        self._pacer = repaced(self._pacer, self._paced_per_s, self._limits.burst, now_s)
        self._switch.changed.set()

    def pause(self) -> None:
        """Nothing leaves from now on, not even what has been let out and waits for a login or a connection."""
        super().pause()
        self._switch.set_paused(True)

    def proceed(self) -> None:
        """The pause is over."""
        if not self._closed:
            self._proceed()
        self._switch.set_paused(False)

    def close(self) -> None:
        """The scope sends nothing more, unless it is opened again: the time until then says nothing of the service."""
        self._closed = True
        super().pause()
        self._slots.leave()

    def reopen(self) -> None:
        """The scope has something to send again."""
        self._closed = False
        self._slots.join()
        if not self._switch.paused:
            self._proceed()

    def _proceed(self) -> None:
        super().proceed()
        self._proceeded_s = self._clock.now_s()

    def _still(self, wanted: Callable[[], bool], now_s: float) -> bool:
        return not self._switch.stopped and wanted() and self._wait_s(now_s) <= 0

    def _wait_s(self, now_s: float) -> float:
        """Seconds until a request may leave; infinite where only an answer can open the way, or the end of a pause."""
        if self._following or self._switch.paused:
            return math.inf
        if self.well:
            return self._pacer.wait_s(now_s)
        return max(gate.wait_s(self._gate, now_s), breaker.wait_s(self._breaker, now_s), self._pacer.wait_s(now_s))

    def _ticket(self, now_s: float, rows_left: Callable[[], int], *, elsewhere: bool) -> Ticket:
        """What the request that leaves now may be."""
        good_for, forgives = self.good_for(elsewhere=elsewhere), self.forgives(rows_left)
        self._breaker = breaker.sent(self._breaker)
        if good_for is Pass.ELSEWHERE:
            self._breaker = breaker.went_elsewhere(self._breaker)
        return Ticket(sent_s=now_s, good_for=good_for, forgives=forgives)

    async def _pace(self, now_s: float) -> None:
        """Counts one request that leaves now. When the next may leave follows from the rate of this moment: between two
        answers to a slow scope it can rise a lot.
        """
        self.sent += 1
        per_s = rate.per_s(self._rate, now_s)
        if per_s != self._paced_per_s and not abs(per_s - self._paced_per_s) < _SAME_RATE * self._paced_per_s:
            self._pacer = pacer_for(per_s, self._limits.burst, after=self._pacer, now_s=now_s)
            self._paced_per_s = per_s
        await self._pacer.take(now_s)


def _nap_s(wait_s: float) -> float:
    """Where only an answer can open the way, for ever; and never less than a timer can tell apart: pacing makes up for
    what that is too long.
    """
    return max(wait_s, _SHORTEST_NAP_S) if wait_s > 0 else math.inf
