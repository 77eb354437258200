"""Counts everything a run does that could be its last or could fail, and ends or fails it at the n-th."""

import errno
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import msgspec

import jobs.run_dir.durable
from batch.csms.faults import Fault, FaultKind
from batch.csms.messages import WireAnswer, WireRequest, nothing
from batch.csms.wire import HttpWire
from jobs.ledger import KeysBefore, Ledger, LedgerError, Loader


class Trap(msgspec.Struct, frozen=True, kw_only=True):
    """`how` is kill or error; of the operations that `what` is in the name of, the `nth` is the one."""

    how: str
    what: str
    nth: int


class _Counter:
    def __init__(self, trap: Trap, told: int) -> None:
        self._trap = trap
        self._told = told
        self._count = 0
        self.broken = False

    def at(self, name: str) -> bool:
        """Whether the operation has to fail now; it does not return where the process has to die."""
        if self._trap.what not in name:
            return False
        self._count += 1
        if self._count != self._trap.nth:
            return False
        self.tell(f"fired {name}")
        if self._trap.how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        return True

    def tell(self, line: str) -> None:
        """One line to the process that set the trap."""
        os.write(self._told, line.encode() + b"\n")


def set_trap(trap: Trap, told: int) -> None:
    """Arms this process; `told` is a descriptor for one line when it fires, and one for each PUT sent after a commit
    that failed.
    """
    counter = _Counter(trap, told)
    _arm_ledger(counter)
    _arm_files(counter)
    _arm_wire(counter)


def _arm_ledger(counter: _Counter) -> None:
    for name in ("begin_session", "commit", "keep_pace", "end_session"):
        _wrap(Ledger, name, counter)
    for name in ("begin", "note", "end"):
        _wrap(KeysBefore, name, counter, where="list")
    for name in ("add", "settle_repeats", "finish"):
        _wrap(Loader, name, counter)


def _wrap(owner: Any, name: str, counter: _Counter, *, where: str = "ledger") -> None:
    real = getattr(owner, name)

    def armed(self: Any, *given: Any, **named: Any) -> Any:
        if counter.at(f"{where} before {name}"):
            counter.broken = True
            raise LedgerError(Path("ledger.db"), "injected: the disk is broken")
        done = real(self, *given, **named)
        counter.at(f"{where} after {name}")
        return done

    setattr(owner, name, armed)


def _arm_files(counter: _Counter) -> None:
    real_sync, real_replace, real_write = os.fsync, Path.replace, jobs.run_dir.durable.HashingFile.write

    def fsync(descriptor: int) -> None:
        _fail_if(counter.at("file sync"))
        real_sync(descriptor)

    def replace(self: Path, target: Any) -> Path:
        _fail_if(counter.at("file before rename"))
        found = real_replace(self, target)
        counter.at("file after rename")
        return found

    def write(self: jobs.run_dir.durable.HashingFile, data: bytes) -> int:
        _fail_if(counter.at("file write"))
        return real_write(self, data)

    os.fsync = fsync  # type: ignore[assignment] # the point of a trap
    Path.replace = replace  # type: ignore[method-assign, assignment] # the same
    jobs.run_dir.durable.HashingFile.write = write  # type: ignore[method-assign] # the same


def _fail_if(failing: bool) -> None:  # noqa: FBT001 - reads as a sentence
    if failing:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _arm_wire(counter: _Counter) -> None:
    real: Callable[..., Any] = HttpWire.send

    async def send(self: HttpWire, request: WireRequest, leaving: Callable[[], None] = nothing) -> WireAnswer | Fault:
        if counter.broken and request.method == "PUT":
            counter.tell("PUT after a commit that failed")
        if counter.at("exchange before"):
            return Fault(kind=FaultKind.UNREACHABLE, code="unreachable", message="injected", maybe_applied=False)
        answer: WireAnswer | Fault = await real(self, request, leaving)
        if counter.at("exchange after"):
            return Fault(kind=FaultKind.LOST, code="disconnected", message="injected", maybe_applied=True)
        return answer

    HttpWire.send = send  # type: ignore[method-assign] # the point of a trap


def end_process(code: int) -> NoReturn:
    """Ends a forked process without running what its parent left to be run at exit."""
    os._exit(code)
