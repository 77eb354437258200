"""Runs the tool in a process forked from this one: a real process that can be killed, without the time to start one."""

import contextlib
import faulthandler
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from tests.torture.trap import Trap, end_process, set_trap

_PATIENCE_S = 30.0
KILLED = -signal.SIGKILL
HUNG = 1_000
"""In place of an exit code: it did not end, and its output tells where it was."""


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How a process ended: its exit code or the negative number of a signal, and what its trap told."""

    code: int
    told: tuple[str, ...] = ()


def run_child(
    argv: Sequence[str],
    *,
    token: str,
    output: Path,
    trap: Trap | None = None,
    before: Callable[[], None] = lambda: None,
    kill_after_s: float | None = None,
) -> Ended:
    """Runs one command to its end; `before` is called in the new process, `kill_after_s` kills it from outside."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _be_the_tool(argv, token, output, trap, writing, before)
    os.close(writing)
    try:
        code = _wait(pid, kill_after_s)
        with os.fdopen(reading) as told:
            return Ended(code=code, told=tuple(told.read().splitlines()))
    except BaseException:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
        raise


def _be_the_tool(  # noqa: PLR0917 - called once, just above
    argv: Sequence[str], token: str, output: Path, trap: Trap | None, told: int, before: Callable[[], None]
) -> None:
    try:
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        faulthandler.register(signal.SIGUSR1, file=2)
        os.environ["CSMS_REKEY_TOKEN"] = token
        os.environ["CSMS_REKEY_LOCK_DIR"] = str(output.parent / "locks")
        if trap is not None:
            set_trap(trap, told)
        before()
        from batch.cli.app import main  # noqa: PLC0415 - imported by the parent long ago

        end_process(main(list(argv)))
    except BaseException:  # noqa: BLE001 - a forked process must never continue as its parent
        traceback.print_exc(file=sys.stderr)
        sys.stderr.flush()
        end_process(70)


def _wait(pid: int, kill_after_s: float | None) -> int:
    patience_s = _PATIENCE_S if kill_after_s is None else kill_after_s
    descriptor = os.pidfd_open(pid)
    try:
        if not select.select([descriptor], [], [], patience_s)[0]:
            if kill_after_s is None:
                # It hangs: it tells where, before it is ended.
                os.kill(pid, signal.SIGUSR1)
                time.sleep(0.5)
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                return HUNG
            os.kill(pid, signal.SIGKILL)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    finally:
        os.close(descriptor)


def start_service(serve: Callable[[int], None]) -> tuple[int, bytes]:
    """Forks a process that runs `serve`, which writes one line to the descriptor it gets when it is ready."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        try:
            serve(writing)
        except BaseException:  # noqa: BLE001 - see above
            traceback.print_exc()
        end_process(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as ready:
        return pid, ready.readline()


def stop_service(pid: int) -> None:
    """Ends it."""
    os.kill(pid, signal.SIGTERM)
    give_up_s = time.monotonic() + _PATIENCE_S
    while os.waitpid(pid, os.WNOHANG) == (0, 0):
        if time.monotonic() > give_up_s:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)
