"""Snapshots of a session on a virtual clock: in time, held where they are late, and nothing of them left behind."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from batch.fleet.lease import LeaseTimes
from batch.fleet.snapshots import Snapshots
from jobs.ledger import Ledger, SessionStart
from tests.unit.jobs.ledger.test_ledger import loaded, planned
from tests.virtual import run_virtual

TIMES = LeaseTimes()


class Shelf:
    """Keeps names and when each was kept; fails while it is `broken`. A file takes `takes_s` to upload."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.broken = False
        self.takes_s = 1.0
        self.owned = True
        self.kept: list[tuple[str, float]] = []
        self.removed: list[str] = []
        self.tried: list[float] = []
        self.held: list[tuple[bool, float]] = []
        self.late_s: float | None = None

    def upload(self, file: Path, name: str) -> None:
        assert file.stat().st_size > 0
        if self.broken:
            raise OSError("out of order")
        self.kept.append((name, self.now_s()))

    def remove(self, name: str) -> None:
        self.removed.append(name)

    def now_s(self) -> float:
        return asyncio.get_running_loop().time() - 1_000.0

    async def beside(self, work: Callable[[], None], within_s: float) -> None:
        """A thread that takes half of the time for the copy, and half for its upload."""
        self.tried.append(self.now_s())
        async with asyncio.timeout(within_s):
            await asyncio.sleep(self.takes_s / 2)
        work()

    def hold(self, held: bool) -> None:  # noqa: FBT001 - as `Hold`
        if held != (bool(self.held) and self.held[-1][0]):
            self.held.append((held, self.now_s()))

    def late(self) -> None:
        self.late_s = self.now_s()

    def left_behind(self) -> list[Path]:
        return [path for path in self.folder.iterdir() if path.is_dir()]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with loaded(tmp_path, planned(1, "s1")) as found:
        found.begin_session(SessionStart(started_at=1.0, timeout_s=60.0, also_failed=False))
        yield found


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    (tmp_path / "work").mkdir()
    return Shelf(tmp_path / "work")


def play(shelf: Shelf, ledger: Ledger, script: Callable[[Snapshots], Awaitable[None]]) -> None:
    """Makes snapshots while a script lasts."""

    async def whole() -> None:
        snapshots = Snapshots(
            shelf, (3, 1), shelf.folder, times=TIMES, may_write=lambda: shelf.owned, beside=shelf.beside
        )
        making = asyncio.create_task(snapshots.make_for(ledger, shelf.hold, shelf.late))
        await script(snapshots)
        making.cancel()
        await asyncio.gather(making, return_exceptions=True)

    run_virtual(whole())


def times_of(shelf: Shelf) -> list[float]:
    return [round(at_s) for _, at_s in shelf.kept]


def test_the_first_is_made_as_soon_as_it_is_wanted_and_the_next_in_time(shelf: Shelf, ledger: Ledger) -> None:
    async def script(snapshots: Snapshots) -> None:
        await asyncio.sleep(5.0)
        await snapshots.kept()
        assert shelf.now_s() == pytest.approx(6.0)
        await asyncio.sleep(100.0)

    play(shelf, ledger, script)
    assert times_of(shelf) == [6, 51, 96]
    assert shelf.held == []


def test_one_that_is_asked_for_while_another_is_made_is_another_one(shelf: Shelf, ledger: Ledger) -> None:
    """The sender never pays for that with more than a tenth of the time."""

    async def script(snapshots: Snapshots) -> None:
        first = asyncio.create_task(snapshots.kept())
        await asyncio.sleep(0.2)
        await asyncio.gather(first, snapshots.kept())

    play(shelf, ledger, script)
    assert times_of(shelf) == [1, 11]


@pytest.mark.parametrize("broken_s", [40.0, 100.0])
def test_nothing_is_sent_while_the_last_one_is_more_than_an_interval_old(
    shelf: Shelf, ledger: Ledger, broken_s: float
) -> None:
    async def script(snapshots: Snapshots) -> None:
        await snapshots.kept()
        shelf.broken = True
        await asyncio.sleep(broken_s)
        shelf.broken = False
        await asyncio.sleep(60.0)

    play(shelf, ledger, script)
    assert shelf.late_s is None
    if broken_s < 45:
        assert shelf.held == []
        return
    [(begun, begun_s), (over, over_s)] = shelf.held
    assert (begun, over) == (True, False)
    assert begun_s == pytest.approx(60.0)
    assert over_s == pytest.approx(shelf.kept[1][1])


def test_a_store_that_fails_is_tried_less_and_less_often_and_nothing_stays_on_the_disk(
    shelf: Shelf, ledger: Ledger
) -> None:
    async def script(snapshots: Snapshots) -> None:
        shelf.broken = True
        waiting = asyncio.create_task(snapshots.kept())
        await asyncio.sleep(400.0)
        assert not waiting.done()
        waiting.cancel()

    play(shelf, ledger, script)
    assert shelf.late_s == pytest.approx(180.0, abs=1.0)
    assert len(shelf.tried) / 2 < 10
    assert shelf.left_behind() == []


def test_a_copy_that_cannot_be_made_leaves_nothing_behind_either(
    shelf: Shelf, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        free = 10

    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage)

    async def script(_: Snapshots) -> None:
        await asyncio.sleep(400.0)

    play(shelf, ledger, script)
    assert shelf.kept == []
    assert shelf.late_s is not None
    assert shelf.left_behind() == []


def test_where_two_in_a_row_take_long_they_are_made_less_often(shelf: Shelf, ledger: Ledger) -> None:
    shelf.takes_s = 8.0

    async def script(snapshots: Snapshots) -> None:
        await snapshots.kept()
        await asyncio.sleep(200.0)

    play(shelf, ledger, script)
    assert times_of(shelf) == [8, 53, 143]
    assert shelf.held == []


@pytest.mark.parametrize("takes_s", [80.0, 100.0, 115.0])
def test_a_store_that_takes_longer_than_an_interval_from_the_start_does_not_end_a_shard(
    shelf: Shelf, ledger: Ledger, takes_s: float
) -> None:
    """The second has as much time as the first: only it can show that this is no single slow one."""
    shelf.takes_s = takes_s

    async def script(snapshots: Snapshots) -> None:
        await snapshots.kept()
        await asyncio.sleep(2_000.0)

    play(shelf, ledger, script)
    assert shelf.late_s is None
    assert len(shelf.kept) >= 4


def test_the_last_two_are_there_whenever_one_is_read(shelf: Shelf, ledger: Ledger) -> None:
    async def script(snapshots: Snapshots) -> None:
        await snapshots.kept()
        await asyncio.sleep(150.0)

    play(shelf, ledger, script)
    names = [name for name, _ in shelf.kept]
    assert len(names) == 4
    assert shelf.removed == names[:2]


def test_without_the_lease_none_is_handed_over(shelf: Shelf, ledger: Ledger) -> None:
    async def script(snapshots: Snapshots) -> None:
        await snapshots.kept()
        shelf.owned = False
        await asyncio.sleep(100.0)

    play(shelf, ledger, script)
    assert len(shelf.kept) == 1
    assert len(shelf.tried) > 2
