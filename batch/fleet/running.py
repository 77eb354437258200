"""Runs a campaign on a cluster until nothing is left to do: what the controller decides, it does and shows.

Folder or scheduler may not answer for a moment: what could not be done is kept, and done once they do.
"""

import contextlib
import time
import uuid
from collections import deque
from collections.abc import Callable
from typing import assert_never

import msgspec

from batch.fleet import campaign
from batch.fleet.actions import Action, GiveUp, Leave, Say, Seen, Submit, Try
from batch.fleet.board import Board, Screen
from batch.fleet.bounds import bounds_of, grace_s_of
from batch.fleet.campaign import Stop
from batch.fleet.controller import Controller
from batch.fleet.hands import Cancelled, Hands, SchedulerError
from batch.fleet.outage import Outage
from batch.fleet.standing import Folder, ShardStanding
from batch.fleet.storage import Storage, StorageError
from batch.fleet.task import Answer, Gone, ShardTask
from batch.fleet.tries import Lost, TryEnd
from batch.fleet.view import ended_words, late_words
from jobs.duration import duration_text
from reports import Exit

_LOOK_S = 5.0
_TICK_S = 0.25


class FleetEnd(msgspec.Struct, frozen=True, kw_only=True):
    """How a call of `fleet run` ended: `left` says why before all was over, then with this exit code, and some shards
    may be `given_up`.
    """

    left: str | None = None
    exit_code: Exit = Exit.STOPPED_EARLY
    given_up: tuple[int, ...] = ()


class Running:
    """One call of `fleet run`; `asked_to_stop` says who has, as soon as somebody has."""

    def __init__(
        self,
        folder: Folder,
        hands: Hands,
        screen: Screen,
        *,
        still_s: float,
        words: tuple[str, ...] = (),
        asked_to_stop: Callable[[], str | None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`words` are more options for the children; a lease that stands still for `still_s` has no owner any more."""
        self._folder = folder
        self._hands = hands
        self._screen = screen
        self._words = words
        self._asked = asked_to_stop
        self._clock = clock
        self._key = f"{folder.job.id}-{uuid.uuid4().hex[:8]}-"
        self._bounds = bounds_of(folder.job, still_s)
        self._board = Board(folder, screen, clock)
        self._begun = False
        self._controller = Controller((), self._bounds)
        self._outage = Outage(self._bounds.outage_s)
        self._todo: deque[Action] = deque()
        self._heard: deque[tuple[str, Answer | Cancelled]] = deque()
        self._taken: set[int] = set()
        self._look_s = clock()
        self._flag: str | None = None
        self._end: FleetEnd | None = None

    def run(self) -> FleetEnd:
        """Until everything is over, or nothing more can be done now."""
        while self._end is None and (self._todo or self._flag or self._begins or not self._controller.over):
            self._hear()
            self._stop_if_asked()
            self._todo.extend(self._controller.due(self._clock()))
            if self._outage.due(self._clock()):
                self._turn()
        if self._end is None:
            self._board.show_last()
        return msgspec.structs.replace(self._end or FleetEnd(), given_up=tuple(self._board.given_up))

    @property
    def _begins(self) -> bool:
        return not self._begun and not self._controller.stopping

    def _begin(self) -> None:
        """Looks at all shards, before any is handed out."""
        self._board.look(range(self._folder.job.shards))
        self._controller, self._begun = Controller(self._board.open_shards, self._bounds), True
        self._todo.extend(self._controller.begin())

    def _hear(self) -> None:
        match self._hands.next_answer(_TICK_S):
            case Gone():
                self._end = FleetEnd(left="the scheduler is lost")
            case (key, answer):
                self._heard.append((key, answer))
            case None:
                pass

    def _stop_if_asked(self) -> None:
        if not self._controller.stopping and (who := self._asked()) is not None:
            self._flag = who
            self._stop()
        if (late := self._controller.overdue(self._clock())) is not None:
            self._end = self._end_without(late)

    def _end_without(self, late: tuple[int, ...]) -> FleetEnd:
        if self._outage.since_s is not None:
            # How their tasks have ended is not known, but the folder says how their processes have.
            late = tuple(one for one in late if not self._board.has_stopped(one))
        if not late:
            return FleetEnd()
        unknown = "" if self._flag is None else "; the campaign folder does not say that they are to"
        return FleetEnd(left=f"{late_words(late)}{unknown}")

    def _stop(self) -> None:
        self._controller.stop(self._clock())
        self._screen.say("stopping: what is in flight is finished, and nothing new is begun")

    def _turn(self) -> None:
        """All that there is to do; what fails stays to be done."""
        try:
            if self._flag is not None:
                stop_campaign(self._folder.storage, self._flag)
                self._flag = None
            if self._begins:
                self._begin()
            self._do_all()
            while self._heard:
                self._judge(*self._heard[0])
                self._heard.popleft()
            if self._clock() >= self._look_s:
                self._look()
            self._do_all()
        except (StorageError, SchedulerError) as error:
            self._failed(error)
        else:
            self._worked()

    def _failed(self, error: StorageError | SchedulerError) -> None:
        now_s = self._clock()
        words = str(error)
        if isinstance(error, StorageError):
            words = f"the campaign folder does not answer: {error.filename}: {error.strerror}"
        if self._outage.since_s is None:
            self._screen.say(f"{words}; tried again for up to {duration_text(round(self._outage.most_s))}")
        self._outage.failed(now_s)
        self._controller.blind(now_s)
        if isinstance(error, SchedulerError):
            with contextlib.suppress(StorageError):
                self._look_at_folder()
        lasted = duration_text(round(now_s - (self._outage.since_s or now_s)))
        self._board.show(trouble=f"{words}, for {lasted}")
        if self._outage.too_long(now_s):
            code = Exit.CANNOT_WRITE if isinstance(error, StorageError) else Exit.STOPPED_EARLY
            self._end = FleetEnd(left=f"{words}, for {lasted}", exit_code=code)

    def _worked(self) -> None:
        if self._outage.since_s is not None:
            lasted = duration_text(round(self._clock() - self._outage.since_s))
            self._screen.say(f"campaign folder and scheduler answer again, after {lasted}")
            self._outage.ended()

    def _judge(self, key: str, answer: Answer | Cancelled) -> None:
        # Else a try that was stopped would look like one that failed.
        self._stop_if_flagged()
        one = self._try_of(key)
        [now] = self._board.look([one.shard])
        workers = self._hands.workers().keys()
        end = TryEnd(shard=one.shard, number=one.number, exit_code=Lost.TASK)
        if isinstance(answer, Answer):
            code = Lost.WORKER if answer.exit_code is None else answer.exit_code
            end = msgspec.structs.replace(end, exit_code=code, worker=answer.worker, reason=answer.reason)
        end = msgspec.structs.replace(end, open_rows=now.open_rows if now.rows else None)
        if not (actions := self._controller.ended(end, workers, self._clock())):
            # Else they say what becomes of it, and why.
            self._screen.say(ended_words(now, self._folder.job.shards, end.exit_code))
        self._todo.extend(actions)

    def _look(self) -> None:
        self._stop_if_flagged()
        workers = self._hands.workers()
        own = {key: on for key, on in self._hands.running().items() if key.startswith(self._key)}
        running = {self._try_of(key): on for key, on in own.items()}
        self._taken = {one.shard for one in running}
        looked = self._look_at_folder()
        self._board.show(workers=len(workers))
        beats = {one.index: one.beat for one in looked if one.beat is not None}
        now_s = self._clock()
        self._look_s = now_s + _LOOK_S
        self._todo.extend(self._controller.look(Seen(workers=workers, running=running, beats=beats), now_s))

    def _stop_if_flagged(self) -> None:
        if not self._controller.stopping and self._folder.storage.get(campaign.STOP) is not None:
            self._stop()

    def _look_at_folder(self) -> tuple[ShardStanding, ...]:
        return self._board.look(sorted(self._taken.intersection(self._controller.waited_for)))

    def _do_all(self) -> None:
        while self._todo:
            self._do(self._todo[0])
            self._todo.popleft()

    def _do(self, action: Action) -> None:
        match action:
            case Submit(shard=shard, number=number, avoid=avoid):
                self._hands.submit(self._task(Try(shard, number)), avoid)
            case GiveUp(shard=shard, tries=tries, reason=reason):
                self._board.give_up(shard, tries, reason)
            case Say(shard=shard, words=words):
                self._screen.say(words if shard is None else f"shard {shard}/{self._folder.job.shards}: {words}")
            case Leave(reason=reason):
                self._end = FleetEnd(left=reason)
            case _:
                assert_never(action)

    def _task(self, one: Try) -> ShardTask:
        job = self._folder.job
        return ShardTask(
            uri=self._folder.storage.uri,
            shard=one.shard,
            key=f"{self._key}{one.shard}-{one.number}",
            release=job.release,
            grace_s=grace_s_of(job),
            words=self._words,
        )

    def _try_of(self, key: str) -> Try:
        shard, number = key.removeprefix(self._key).split("-")
        return Try(int(shard), int(number))


def stop_campaign(storage: Storage, who: str) -> None:
    """Asks every process that works on it to finish what is in flight and end.

    Raises:
        StorageError: it cannot be written.
    """
    storage.put(campaign.STOP, campaign.to_json(Stop(who=who, at=time.time())))
