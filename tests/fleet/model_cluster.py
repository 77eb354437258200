"""A cluster, a campaign folder and a screen for one call of `fleet run` in virtual time, and what fails of them."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import fsspec
from fsspec.implementations.memory import MemoryFileSystem

from batch.fleet import campaign
from batch.fleet.campaign import Campaign, End, Worker
from batch.fleet.hands import Cancelled, SchedulerError
from batch.fleet.lease import LeaseRecord
from batch.fleet.running import FleetEnd, Running
from batch.fleet.standing import Folder
from batch.fleet.storage import Storage
from batch.fleet.task import Answer, Gone, ShardTask
from batch.fleet.view import FleetView
from jobs.spec import JobSpec, Limits

ROWS = 100
STILL_S, TIMEOUT_S = 60.0, 60.0


class AwayStore(MemoryFileSystem):  # type: ignore[misc]
    """Cannot be reached while it is `away`."""

    protocol = "away"
    store: dict[str, object] = {}  # noqa: RUF012 - as its parent has it
    pseudo_dirs = [""]  # noqa: RUF012 - the same
    away = False

    def _open(self, *args: object, **more: object) -> object:
        return self._there(super()._open, *args, **more)

    def cat_file(self, *args: object, **more: object) -> object:
        return self._there(super().cat_file, *args, **more)

    def find(self, *args: object, **more: object) -> object:
        return self._there(super().find, *args, **more)

    def pipe_file(self, *args: object, **more: object) -> object:
        return self._there(super().pipe_file, *args, **more)

    def _there(self, call: Callable[..., object], *args: object, **more: object) -> object:
        if AwayStore.away:
            raise TimeoutError("bucket is away")
        return call(*args, **more)


fsspec.register_implementation(AwayStore.protocol, AwayStore, clobber=True)


@dataclass(slots=True)
class Screen:
    lines: list[str] = field(default_factory=list)
    views: list[FleetView] = field(default_factory=list)

    def say(self, line: str) -> None:
        self.lines.append(line)

    def show(self, view: FleetView) -> None:
        self.views.append(view)


@dataclass(slots=True, kw_only=True)
class Child:
    """What a worker runs for a shard: it answers `code` after `for_s`, or never; without `renews` its lease stands."""

    code: int | None = 0
    for_s: float = 20.0
    renews: bool = True
    answers: bool = True
    begun_s: float = 0.0
    task: ShardTask | None = None
    worker: str = ""


class Cluster:
    """Each worker runs one child at a time; the n-th try of a shard is the n-th of its children, or else a good one."""

    def __init__(self, storage: Storage, children: Mapping[int, list[Child]], workers: int) -> None:
        self.now_s = 1_000.0
        self.silent = self.lost = False
        self.handed_out: list[tuple[int, frozenset[str]]] = []
        self._storage = storage
        self._children = children
        self._busy: dict[str, Child | None] = {f"w{number}": None for number in range(workers)}
        self._waiting: list[tuple[ShardTask, frozenset[str]]] = []
        self._answers: list[tuple[str, Answer | Cancelled]] = []
        self._events: list[tuple[float, Callable[[], None]]] = []

    def at(self, at_s: float, event: Callable[[], None]) -> None:
        """Something happens so long after the beginning."""
        self._events.append((self.now_s + at_s, event))

    def loses_the_storage(self, from_s: float, until_s: float = 1e6) -> None:
        """And so does everybody else."""
        self.at(from_s, lambda: setattr(AwayStore, "away", True))
        self.at(until_s, lambda: setattr(AwayStore, "away", False))

    def is_silent(self, from_s: float, until_s: float = 1e6) -> None:
        """The scheduler answers nothing."""
        self.at(from_s, lambda: setattr(self, "silent", True))
        self.at(until_s, lambda: setattr(self, "silent", False))

    def cancel(self, shard: int) -> None:
        """Takes its task away; what runs continues."""
        [key] = [one.task.key for one in self._busy.values() if one and one.task and one.task.shard == shard]
        self._answers.append((key, Cancelled()))
        for name, one in self._busy.items():
            if one is not None and one.task is not None and one.task.key == key:
                self._busy[name] = None

    def submit(self, task: ShardTask, avoid: frozenset[str]) -> None:
        self._ask()
        self.handed_out.append((task.shard, avoid))
        self._waiting.append((task, avoid))

    def next_answer(self, within_s: float) -> tuple[str, Answer | Cancelled] | Gone | None:
        self.now_s += within_s
        assert self.now_s < 50_000.0, "it never ends"
        for at_s, event in list(self._events):
            if self.now_s >= at_s:
                self._events.remove((at_s, event))
                event()
        self._begin()
        for name, child in self._busy.items():
            if child is not None:
                self._turn(name, child)
        if self.lost:
            return Gone()
        return self._answers.pop(0) if self._answers and not self.silent else None

    def workers(self) -> Mapping[str, int]:
        self._ask()
        return dict.fromkeys(self._busy, 1)

    def running(self) -> Mapping[str, str]:
        self._ask()
        return {one.task.key: name for name, one in self._busy.items() if one is not None and one.task is not None}

    def _ask(self) -> None:
        if self.silent:
            raise SchedulerError

    def _begin(self) -> None:
        for task, avoid in list(self._waiting):
            free = sorted((name for name, one in self._busy.items() if one is None), key=lambda name: name in avoid)
            if free:
                self._waiting.remove((task, avoid))
                number = int(task.key.rpartition("-")[2])
                own = self._children.get(task.shard, [])
                child = own[number - 1] if number <= len(own) else Child()
                child.task, child.begun_s, child.worker = task, self.now_s, free[0]
                self._busy[free[0]] = child

    def _turn(self, name: str, child: Child) -> None:
        assert child.task is not None
        age_s = self.now_s - child.begun_s
        stopped = child.renews and not AwayStore.away and self._storage.get(campaign.STOP)
        if child.renews and not AwayStore.away:
            self._renew(child, child.task, int(age_s / 10))
        if child.answers and (age_s >= child.for_s or stopped):
            code = 143 if stopped else child.code
            if code in {0, 143} and not AwayStore.away:
                self._storage.put(campaign.end(child.task.shard), campaign.to_json(_end(child.task.shard, code)))
            self._busy[name] = None
            self._answers.append((child.task.key, Answer(exit_code=code, worker=name, reason="why")))

    def _renew(self, child: Child, task: ShardTask, counter: int) -> None:
        epoch = int(task.key.rpartition("-")[2])
        record = LeaseRecord(
            owner=Worker(host=child.worker, pid=1),
            nonce=task.key,
            boot="b",
            lapse_s=30.0,
            timeout_s=TIMEOUT_S,
            at=1.0,
            counter=counter,
        )
        self._storage.put(campaign.lease(task.shard, epoch), campaign.to_json(record))


def _end(shard: int, code: int) -> End:
    return End(epoch=999, owner=Worker(host=f"h{shard}", pid=1), exit_code=code, ended_at=1.0, rows=ROWS)


@dataclass(slots=True, kw_only=True)
class Played:
    """A call of `fleet run` that has ended, or that the block of a test still prepares."""

    storage: Storage
    cluster: Cluster
    screen: Screen
    running: Running
    asked: list[str]

    def run(self) -> FleetEnd:
        """To its end."""
        return self.running.run()

    @property
    def took_s(self) -> float:
        """In virtual time."""
        return self.cluster.now_s - 1_000.0

    @property
    def said(self) -> str:
        """All lines."""
        return "\n".join(self.screen.lines)


def fleet(children: Mapping[int, list[Child]] | None = None, *, shards: int = 2, workers: int = 2) -> Played:
    """A campaign of so many shards that has not begun."""
    AwayStore.away = False
    storage = Storage(f"away://{uuid.uuid4().hex}")
    job = Campaign(
        format=campaign.FORMAT,
        release="0",
        id="0123456789abcdef",
        made_at=1.0,
        shards=shards,
        rows=shards * ROWS,
        spec=JobSpec(endpoint="https://x.example", limits=Limits(timeout_s=TIMEOUT_S)),
        manifest_name="m.csv",
        manifest_sha256="0" * 64,
        files=(),
    )
    cluster, screen, asked = Cluster(storage, children or {}, workers), Screen(), list[str]()
    running = Running(
        Folder(storage, job),
        cluster,
        screen,
        still_s=STILL_S,
        asked_to_stop=lambda: asked[0] if asked else None,
        clock=lambda: cluster.now_s,
    )
    return Played(storage=storage, cluster=cluster, screen=screen, running=running, asked=asked)
