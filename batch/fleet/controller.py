"""Decides what becomes of the shards of a campaign: which to hand out, try again, give up; pure, with time passed in.

A shard is tried again as long as that gets it further. Two tries in a row without any progress that end by themselves,
or three that lose their worker, and it is given up. A worker that refuses a shard is not asked again: another one may
have the login for it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from reports import Exit

MOST_FRUITLESS, MOST_LOST = 2, 3
NO_WORKER_S = 60.0
_SLACK_S = 30.0
_ENDS = frozenset({Exit.DONE, Exit.NOT_ALL_DONE, Exit.STOPPED_EARLY})
"""What a shard is not tried again after: every row has ended, or it was a rule that stopped it, which somebody has to
look at.
"""


class Submit(msgspec.Struct, frozen=True, kw_only=True):
    """Hand a shard out, for the `number`-th time, if possible to none of the workers to `avoid`."""

    shard: int
    number: int
    avoid: frozenset[str] = frozenset()


class GiveUp(msgspec.Struct, frozen=True, kw_only=True):
    """Do not try a shard again, and say why."""

    shard: int
    tries: int
    reason: str


class Say(msgspec.Struct, frozen=True, kw_only=True):
    """Tell the person."""

    words: str


class Leave(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing more can be done now, and why."""

    reason: str


Action = Submit | GiveUp | Say | Leave


class TryEnd(msgspec.Struct, frozen=True, kw_only=True):
    """How a try ended; without an `exit_code` its worker was lost. `open_rows` are those that the shard's owner has
    reported last, if any.
    """

    shard: int
    number: int
    exit_code: int | None = None
    worker: str = ""
    reason: str = ""
    open_rows: int | None = None


class Beat(msgspec.Struct, frozen=True, kw_only=True):
    """What a lease shows of its owner: it changes as long as that lives."""

    epoch: int
    counter: int
    released: bool


@dataclass(slots=True)
class _Shard:
    number: int = 0
    fruitless: int = 0
    lost: int = 0
    open_rows: int | None = None
    refused: set[str] = field(default_factory=set)
    beat: Beat | None = None
    changed_s: float = 0.0
    exit_code: int | None = None
    given_up: bool = False

    @property
    def over(self) -> bool:
        return self.given_up or self.exit_code is not None


class Controller:
    """Where each shard of a campaign stands; `open_shards` are those that somebody has to work on."""

    def __init__(self, open_shards: Iterable[int], *, still_s: float, patience_s: float) -> None:
        """`still_s` is for how long the lease of an owner that lives may stand still, and `patience_s` for how long
        there may be no worker at all.
        """
        self._shards = {index: _Shard() for index in open_shards}
        self._still_s = 2 * still_s + _SLACK_S
        self._patience_s = patience_s
        self._none_since_s: float | None = None
        self._told = False
        self.stopping = False

    @property
    def over(self) -> bool:
        """Whether nothing is left to wait for."""
        return all(one.over for one in self._shards.values())

    @property
    def waited_for(self) -> tuple[int, ...]:
        """The shards that are not over."""
        return tuple(index for index, one in self._shards.items() if not one.over)

    def begin(self, now_s: float) -> list[Action]:
        """Hands all of them out."""
        return [self._submit(index, now_s) for index in self._shards]

    def ended(self, end: TryEnd, workers: frozenset[str], now_s: float) -> list[Action]:
        """After a try has ended; one that another try has replaced meanwhile says nothing."""
        shard = self._shards[end.shard]
        if shard.over or end.number != shard.number:
            return []
        if end.exit_code in _ENDS or (self.stopping and end.exit_code is not None):
            shard.exit_code = end.exit_code
            return []
        if self.stopping:
            shard.exit_code = Exit.SIGTERM
            return []
        if end.exit_code == Exit.USAGE:
            return self._after_refusal(end, workers, now_s)
        if end.open_rows is not None and (shard.open_rows is None or end.open_rows < shard.open_rows):
            # The first report is no progress: nobody knows what was before.
            if shard.open_rows is not None:
                shard.fruitless = shard.lost = 0
            shard.open_rows = end.open_rows
        return self._after_failure(end, now_s)

    def look(
        self, workers: frozenset[str], beats: Mapping[int, Beat], running: frozenset[int], now_s: float
    ) -> list[Action]:
        """What is to be done about what was seen: the workers that there are, the leases, and the shards that a worker
        has taken.
        """
        actions = self._without_workers(workers, now_s)
        for index in self.waited_for:
            shard = self._shards[index]
            beat = beats.get(index)
            if index not in running or beat is None or beat.released or beat != shard.beat:
                shard.beat, shard.changed_s = beat, now_s
            elif now_s >= shard.changed_s + self._still_s and not self.stopping:
                reason = f"its process has not renewed its lease for {now_s - shard.changed_s:.0f} s"
                actions += self.ended(
                    TryEnd(shard=index, number=shard.number, exit_code=Exit.LOCKED, reason=reason), workers, now_s
                )
        return actions

    def _without_workers(self, workers: frozenset[str], now_s: float) -> list[Action]:
        if workers:
            self._none_since_s, self._told = None, False
            return []
        if self._none_since_s is None:
            self._none_since_s = now_s
        waited_s = now_s - self._none_since_s
        if waited_s >= max(NO_WORKER_S, self._patience_s):
            return [Leave(reason=f"the scheduler has had no worker for {waited_s:.0f} s")]
        if waited_s >= NO_WORKER_S and not self._told:
            self._told = True
            return [Say(words=f"no worker for {waited_s:.0f} s: {len(self.waited_for)} shards wait for one")]
        return []

    def _after_refusal(self, end: TryEnd, workers: frozenset[str], now_s: float) -> list[Action]:
        shard = self._shards[end.shard]
        shard.refused.add(end.worker)
        if workers - shard.refused:
            return [
                Say(words=f"shard {end.shard}: refused by {end.worker}: {end.reason}"),
                self._submit(end.shard, now_s),
            ]
        return self._give_up(end, f"no worker may take it: {end.reason}")

    def _after_failure(self, end: TryEnd, now_s: float) -> list[Action]:
        shard = self._shards[end.shard]
        words = f"its worker {end.worker} was lost" if end.exit_code is None else f"ended with {end.exit_code}"
        words += f": {end.reason}" if end.reason else ""
        if end.exit_code is None:
            shard.lost += 1
        else:
            shard.fruitless += 1
        if shard.fruitless >= MOST_FRUITLESS or shard.lost >= MOST_LOST:
            return self._give_up(end, words)
        return [Say(words=f"shard {end.shard}: {words}; tried again"), self._submit(end.shard, now_s)]

    def _give_up(self, end: TryEnd, reason: str) -> list[Action]:
        shard = self._shards[end.shard]
        shard.given_up = True
        return [GiveUp(shard=end.shard, tries=shard.number, reason=reason)]

    def _submit(self, index: int, now_s: float) -> Submit:
        shard = self._shards[index]
        shard.number += 1
        shard.beat, shard.changed_s = None, now_s
        return Submit(shard=index, number=shard.number, avoid=frozenset(shard.refused))
