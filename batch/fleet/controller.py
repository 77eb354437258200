"""Decides what becomes of the shards of a campaign: which to hand out, try again, give up; pure, with time passed in.

A shard is tried again as long as that gets it further. A worker that refuses it is not asked again: another one may
have the login for it. One of which nothing is seen goes to another worker: its lease keeps the first one from sending.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from batch.fleet.actions import Action, Beat, Bounds, GiveUp, Leave, Say, Seen, Submit, Try
from batch.fleet.lease import LAST_WORD_S
from batch.fleet.tries import Lost, Tries, TryEnd
from jobs.printable import counted
from reports import Exit

NO_WORKER_S = 60.0
_QUIET_S = 60.0
"""After which a process that has renewed its lease until then is not seen to live."""
_ENDS = frozenset({Exit.DONE, Exit.NOT_ALL_DONE, Exit.STOPPED_EARLY})
"""What a shard is not tried again after: every row has ended, or it was a rule that stopped it, which somebody has to
look at.
"""


@dataclass(slots=True)
class _Shard:
    tries: Tries = field(default_factory=Tries)
    due_s: float | None = None
    """When its pause ends, if it is in one."""
    on: str | None = None
    beat: Beat | None = None
    moved_s: float = 0.0
    changed_s: float = 0.0
    """The same, or until when nothing could be said."""
    lives: bool = False
    over: bool = False

    def see(self, on: str | None, beat: Beat | None, now_s: float) -> None:
        """The first sight of a try says nothing of it: the lease may be that of an owner before."""
        if (on, beat) != (self.on, self.beat):
            self.lives = on is not None and on == self.on and beat is not None and not beat.released
            self.on, self.beat, self.moved_s, self.changed_s = on, beat, now_s, now_s


class Controller:
    """Where each shard of a campaign stands; `open_shards` are those that somebody has to work on."""

    def __init__(self, open_shards: Iterable[int], bounds: Bounds) -> None:
        self._shards = {index: _Shard() for index in open_shards}
        self._bounds = bounds
        self._none_since_s: float | None = None
        self._told = False
        self._stop_s: float | None = None

    @property
    def stopping(self) -> bool:
        """Whether everything is to stop."""
        return self._stop_s is not None

    @property
    def over(self) -> bool:
        """Whether nothing is left to wait for."""
        return all(one.over for one in self._shards.values())

    @property
    def waited_for(self) -> tuple[int, ...]:
        """The shards that are not over."""
        return tuple(index for index, one in self._shards.items() if not one.over)

    def begin(self) -> list[Action]:
        """Hands all of them out."""
        return [self._submit(index) for index in self._shards]

    def stop(self, now_s: float) -> None:
        """From now on nothing is tried again, and what was begun has a bounded time to end."""
        self._stop_s = now_s + self._bounds.stop_s
        for shard in self._shards.values():
            shard.over = shard.over or shard.due_s is not None

    def overdue(self, now_s: float) -> tuple[int, ...] | None:
        """The shards that have not confirmed in time that they have stopped; None while there is time. Processes that
        are seen to live have more: their last word may take long.
        """
        if self._stop_s is None or now_s < self._stop_s:
            return None
        late = [(index, one) for index, one in self._shards.items() if not one.over and one.on is not None]
        live = any(one.lives and now_s < one.moved_s + _QUIET_S for _, one in late)
        if live and now_s < self._stop_s + LAST_WORD_S:
            return None
        return tuple(index for index, _ in late) or self.waited_for

    def due(self, now_s: float) -> list[Action]:
        """The shards whose pause is over are handed out."""
        paused = ((index, self._shards[index].due_s) for index in self.waited_for)
        return [self._submit(index) for index, due_s in paused if due_s is not None and now_s >= due_s]

    def ended(self, end: TryEnd, workers: AbstractSet[str], now_s: float) -> list[Action]:
        """After a try has ended; one that another try has replaced meanwhile says nothing."""
        shard = self._shards[end.shard]
        if shard.over or end.number != shard.tries.number:
            return []
        if self.stopping or end.exit_code in _ENDS:
            shard.over = True
            return []
        return self._after_refusal(end, workers) if end.exit_code == Exit.USAGE else self._after_failure(end, now_s)

    def blind(self, now_s: float) -> None:
        """Nothing could be seen until now, which says nothing about any shard."""
        for shard in self._shards.values():
            shard.changed_s = now_s

    def look(self, seen: Seen, now_s: float) -> list[Action]:
        """What is to be done about what was seen."""
        actions = self._without_workers(seen.workers, now_s)
        waited_for = [(index, self._shards[index]) for index in self.waited_for]
        for index, shard in waited_for:
            shard.see(seen.running.get(Try(index, shard.tries.number)), seen.beats.get(index), now_s)
        busy = Counter(shard.on for _, shard in waited_for if shard.lives)
        for index, shard in waited_for:
            if shard.on is None or (not shard.lives and busy[shard.on] >= seen.workers.get(shard.on, 1)):
                # No process has begun: it waits for a worker, or on one whose threads all have something to do.
                shard.changed_s = now_s
            elif not self.stopping:
                actions += self._if_silent(index, shard, now_s)
        return actions

    def _if_silent(self, index: int, shard: _Shard, now_s: float) -> list[Action]:
        silent_s = now_s - shard.changed_s
        if silent_s < (self._bounds.still_s if shard.lives else self._bounds.start_s):
            return []
        reason = f"for {silent_s:.0f} s, on {shard.on}"
        end = TryEnd(
            shard=index, number=shard.tries.number, exit_code=Lost.SILENT, worker=shard.on or "", reason=reason
        )
        return self._after_failure(end, now_s)

    def _without_workers(self, workers: Mapping[str, int], now_s: float) -> list[Action]:
        if workers:
            self._none_since_s, self._told = None, False
            return []
        if self._none_since_s is None:
            self._none_since_s = now_s
        waited_s = now_s - self._none_since_s
        if waited_s >= max(NO_WORKER_S, self._bounds.outage_s):
            return [Leave(reason=f"the scheduler has had no worker for {waited_s:.0f} s")]
        if waited_s >= NO_WORKER_S and not self._told:
            self._told = True
            return [Say(words=f"no worker for {waited_s:.0f} s; {counted(len(self.waited_for), 'shard')} to hand out")]
        return []

    def _after_refusal(self, end: TryEnd, workers: AbstractSet[str]) -> list[Action]:
        refused = self._shards[end.shard].tries.refused
        refused.add(end.worker)
        if workers - refused:
            return [Say(shard=end.shard, words=f"refused by {end.worker}: {end.reason}"), self._submit(end.shard)]
        return self._give_up(end, f"no worker may take it: {end.reason}")

    def _after_failure(self, end: TryEnd, now_s: float) -> list[Action]:
        shard = self._shards[end.shard]
        match shard.tries.pause_s(end, self._bounds.outage_s):
            case None:
                waited = f", after {shard.tries.paused_s:.0f} s of waiting" if shard.tries.paused_s else ""
                return self._give_up(end, f"{end.words}{waited}")
            case 0.0:
                spurned = {end.worker} if end.exit_code is Lost.SILENT else set()
                again = self._submit(end.shard, spurned)
                return [Say(shard=end.shard, words=f"{end.words}; tried again"), again]
            case pause_s:
                shard.due_s, shard.on, shard.lives = now_s + pause_s, None, False
                return [Say(shard=end.shard, words=f"{end.words}; tried again in {pause_s:.0f} s")]

    def _give_up(self, end: TryEnd, reason: str) -> list[Action]:
        shard = self._shards[end.shard]
        shard.over = True
        return [GiveUp(shard=end.shard, tries=shard.tries.number, reason=reason)]

    def _submit(self, index: int, spurned: AbstractSet[str] = frozenset()) -> Submit:
        shard = self._shards[index]
        shard.tries.number += 1
        shard.due_s, shard.on, shard.beat, shard.lives = None, None, None, False
        return Submit(shard=index, number=shard.tries.number, avoid=frozenset(shard.tries.refused | spurned))
