"""Runs a campaign on a cluster until nothing is left to do: what the controller decides, it does and shows."""

import time
import uuid
from collections.abc import Callable
from typing import Protocol, assert_never

import msgspec

from batch.fleet import campaign
from batch.fleet.campaign import Campaign, GivenUp, Stop
from batch.fleet.controller import Action, Controller, GiveUp, Leave, Say, Submit, TryEnd
from batch.fleet.standing import Folder, ShardStanding, ShardState
from batch.fleet.storage import Storage
from batch.fleet.task import Answer, Gone, ShardTask
from batch.fleet.view import FleetView, ended_words

_LOOK_S = 5.0
_TICK_S = 0.25
_GRACE_S = 60.0
"""For a child beside the grace that its requests have: it writes reports, and its last snapshot."""


class Hands(Protocol):
    """Where tasks are handed out to."""

    def submit(self, task: ShardTask, avoid: frozenset[str]) -> None:
        """Hands one out."""

    def next_answer(self, within_s: float) -> tuple[str, Answer] | Gone | None:
        """What one has answered."""

    def workers(self) -> frozenset[str]:
        """Those that there are."""

    def running(self) -> dict[str, str]:
        """The keys of tasks that a worker has, and which one."""


class Screen(Protocol):
    """Shows how a campaign stands."""

    def say(self, line: str) -> None:
        """Something happened."""

    def show(self, view: FleetView) -> None:
        """How all of it stands at the moment."""


class FleetEnd(msgspec.Struct, frozen=True, kw_only=True):
    """How a call of `fleet run` ended: `left` says why before all was over, and some shards may be `given_up`."""

    left: str | None = None
    given_up: tuple[int, ...] = ()


class Running:
    """One call of `fleet run`; `asked_to_stop` says who has, as soon as somebody has."""

    def __init__(
        self,
        storage: Storage,
        job: Campaign,
        hands: Hands,
        screen: Screen,
        *,
        still_s: float,
        words: tuple[str, ...] = (),
        asked_to_stop: Callable[[], str | None] = lambda: None,
    ) -> None:
        """`words` are more options for the children; a lease that stands still for `still_s` has no owner any more."""
        self._storage = storage
        self._job = job
        self._hands = hands
        self._screen = screen
        self._words = words
        self._asked = asked_to_stop
        self._still_s = still_s
        self._session = uuid.uuid4().hex[:8]
        self._folder = Folder(storage, job)
        self._shown: dict[int, ShardStanding] = {}
        self._given_up: list[int] = []
        self._left: str | None = None

    def run(self) -> FleetEnd:
        """Until everything is over, or nothing more can be done now.

        Raises:
            StorageError: the folder cannot be read or written.
        """
        began_s = time.monotonic()
        self._shown = {one.index: one for one in self._folder.all()}
        open_shards = [index for index, one in self._shown.items() if one.left]
        limits = self._job.spec.limits
        controller = Controller(open_shards, still_s=self._still_s + limits.timeout_s, patience_s=limits.max_outage_s)
        self._do(controller.begin(began_s))
        look_s = began_s
        while not controller.over and self._left is None:
            self._stop_if_asked(controller)
            match self._hands.next_answer(_TICK_S):
                case Gone():
                    self._left = "the scheduler is lost"
                case (key, answer):
                    self._do(controller.ended(self._told(key, answer), self._hands.workers(), time.monotonic()))
                case None:
                    pass
            if time.monotonic() >= look_s:
                look_s = time.monotonic() + _LOOK_S
                self._do(self._look(controller, time.monotonic() - began_s))
        return FleetEnd(left=self._left, given_up=tuple(self._given_up))

    def _stop_if_asked(self, controller: Controller) -> None:
        if not controller.stopping and (who := self._asked()) is not None:
            stop_campaign(self._storage, who)
            self._stopping(controller)

    def _stopping(self, controller: Controller) -> None:
        controller.stopping = True
        self._screen.say("stopping: what is in flight is finished, and nothing new is begun")

    def _told(self, key: str, answer: Answer) -> TryEnd:
        *_, shard, number = key.split("-")
        [now] = self._folder.some([int(shard)])
        self._shown[now.index] = now
        self._screen.say(ended_words(now, self._job.shards, answer.exit_code))
        return TryEnd(
            shard=int(shard),
            number=int(number),
            exit_code=answer.exit_code,
            worker=answer.worker,
            reason=answer.reason,
            open_rows=now.open_rows if now.rows else None,
        )

    def _look(self, controller: Controller, elapsed_s: float) -> list[Action]:
        if not controller.stopping and self._storage.get(campaign.STOP) is not None:
            self._stopping(controller)
        workers = self._hands.workers()
        taken = {int(key.split("-")[-2]) for key in self._hands.running() if key.startswith(self._key())}
        looked = self._folder.some(sorted(taken.intersection(controller.waited_for)))
        self._shown |= {one.index: one for one in looked}
        self._screen.show(
            FleetView(
                shards=tuple(self._shown.values()), rows=self._job.rows, workers=len(workers), elapsed_s=elapsed_s
            )
        )
        beats = {one.index: one.beat for one in looked if one.beat is not None}
        return controller.look(workers, beats, frozenset(taken), time.monotonic())

    def _do(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Submit(shard=shard, number=number, avoid=avoid):
                    self._hands.submit(self._task(shard, number), avoid)
                case GiveUp(shard=shard, tries=tries, reason=reason):
                    self._give_up(shard, GivenUp(tries=tries, reason=reason, at=time.time()))
                case Say(words=words):
                    self._screen.say(words)
                case Leave(reason=reason):
                    self._left = reason
                case _:
                    assert_never(action)

    def _give_up(self, shard: int, why: GivenUp) -> None:
        self._storage.put(campaign.given_up(shard), campaign.to_json(why))
        self._given_up.append(shard)
        self._shown[shard] = msgspec.structs.replace(self._shown[shard], state=ShardState.GIVEN_UP, reason=why.reason)
        self._screen.say(f"shard {shard}/{self._job.shards}: given up: {why.reason}")

    def _key(self) -> str:
        return f"{self._job.id}-{self._session}-"

    def _task(self, shard: int, number: int) -> ShardTask:
        return ShardTask(
            uri=self._storage.uri,
            shard=shard,
            key=f"{self._key()}{shard}-{number}",
            release=self._job.release,
            grace_s=self._job.spec.limits.grace_s + _GRACE_S,
            words=self._words,
        )


def stop_campaign(storage: Storage, who: str) -> None:
    """Asks every process that works on it to finish what is in flight and end.

    Raises:
        StorageError: it cannot be written.
    """
    storage.put(campaign.STOP, campaign.to_json(Stop(who=who, at=time.time())))
