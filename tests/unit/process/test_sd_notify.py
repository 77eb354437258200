"""What a service manager hears, on a socket as it gives one out."""

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from batch.process.sd_notify import Supervisor
from tests.virtual import run_virtual


class Manager:
    """The receiving end."""

    def __init__(self, address: str) -> None:
        self.environ = {"NOTIFY_SOCKET": address, "PATH": "/bin"}
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address.replace("@", "\0", 1))

    def heard(self) -> list[str]:
        """Every datagram so far."""
        found = []
        while True:
            try:
                found.append(self.socket.recv(65_536, socket.MSG_DONTWAIT).decode())
            except BlockingIOError:
                return found


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    receiving = Manager(
        str(tmp_path / "notify") if request.param == "path" else f"@csms-rekey-{tmp_path.name}-{os.getpid()}"
    )
    with receiving.socket:
        yield receiving


def test_each_step_is_one_datagram_and_the_start_is_given_time(manager: Manager) -> None:
    supervisor = Supervisor()
    supervisor.adopt(manager.environ)
    supervisor.ready()
    supervisor.status("10 of 20 rows\nREADY=1")
    supervisor.stopping()
    supervisor.reporting()
    assert manager.heard() == [
        "EXTEND_TIMEOUT_USEC=3600000000",
        "READY=1",
        "STATUS=10 of 20 rows READY=1",
        "STOPPING=1",
        "EXTEND_TIMEOUT_USEC=3600000000\nSTATUS=writing the reports",
    ]
    assert manager.environ == {"PATH": "/bin"}, "children must not take it for theirs"


@pytest.mark.parametrize(
    ("watchdog", "pats"),
    [
        ({"WATCHDOG_USEC": "4000000"}, 5),
        ({"WATCHDOG_USEC": "4000000", "WATCHDOG_PID": str(os.getpid())}, 5),
        ({"WATCHDOG_USEC": "4000000", "WATCHDOG_PID": "1"}, 0),
        ({"WATCHDOG_USEC": "soon"}, 0),
        ({"WATCHDOG_USEC": "0"}, 0),
        ({}, 0),
    ],
)
def test_the_loop_says_twice_per_period_that_it_is_alive_if_this_process_is_watched(
    manager: Manager, watchdog: dict[str, str], pats: int
) -> None:
    supervisor = Supervisor()
    supervisor.adopt(environ := manager.environ | watchdog)

    async def ten_seconds() -> None:
        patting = asyncio.create_task(supervisor.pat())
        await asyncio.sleep(9.9)
        patting.cancel()

    run_virtual(ten_seconds())
    supervisor.reporting()
    heard = manager.heard()
    assert heard.count("WATCHDOG=1") == pats
    assert ("WATCHDOG_USEC=3600000000" in heard[-1]) == (pats > 0)
    assert set(environ) == {"PATH"}


@pytest.mark.parametrize("address", ["", "/nowhere/notify", "@nobody", "vsock:2:1", f"/{'x' * 300}", "relative"])
def test_a_manager_that_is_not_there_never_matters(address: str) -> None:
    supervisor = Supervisor()
    supervisor.adopt({"NOTIFY_SOCKET": address})
    supervisor.ready()
    supervisor.status("x")


def test_a_manager_that_reads_nothing_holds_up_no_run(manager: Manager) -> None:
    supervisor = Supervisor()
    supervisor.adopt(manager.environ)
    for _ in range(10_000):
        supervisor.status("x" * 1_000)
    assert manager.heard()
