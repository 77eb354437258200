"""The command line as a separate process that lives in virtual time: it can be killed, and what it left is found."""

import asyncio
import contextlib
import io
import os
import shutil
import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, TypeVar
from unittest.mock import patch

import msgspec
from jinja2 import Environment

import batch.csms.network
import batch.look
import batch.process.loop
import batch.run
from batch.cli.app import main
from batch.csms.network import Network as RealNetwork
from batch.csms.tls import client_context
from batch.process.signals import PROCESS_SIGNALS
from batch.redaction.redactor import PROCESS_REDACTOR
from batch.sandbox.assembly import Sandbox
from jobs.ledger import KeysBefore, Ledger
from jobs.sightings import Sightings
from tests.engine.crash import Crash, CrashPoint, Fuse, snapshot
from tests.engine.machine import bury
from tests.engine.network import Line, Network
from tests.oracle import Commit, Reopened
from tests.virtual import VirtualLoop

T = TypeVar("T")
# What takes the most time in a short command, and comes to the same each time.
_context = cache(client_context)
_pages = dict[str, Any]()


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How a command ended; without a code it was killed. `numbers` are those of its requests, `blind` counts those that
    left after a commit had failed.
    """

    code: int | None
    out: str
    err: str
    numbers: range
    blind: int = 0


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """One command, and what happens to it: `crash` kills it or breaks its disk, `meanwhile` gets the service's clock
    when its first session has begun; `tape` takes what a ledger takes.
    """

    argv: Sequence[str]
    seed: int
    crash: CrashPoint | None = None
    meanwhile: Callable[[Callable[[], float]], None] = lambda _: None
    tape: list[Commit | Reopened] = []
    timeout_s: float = 10.0
    gap_s: float = 1.0


class Machine:
    """A computer with a folder on it, whose commands reach one service."""

    def __init__(self, sandbox: Sandbox, folder: Path, locks: Path) -> None:
        self.sandbox = sandbox
        self.folder = folder
        self._environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(locks),
            "CSMS_REKEY_LOCK_DIR": str(locks),
            "CSMS_REKEY_METADATA_URL": "http://127.0.0.1:9",
            "CSMS_REKEY_TOKEN": sandbox.token,
        }

    def run(self, command: Command) -> Ended:
        """To its end, or to that of its process; then the folder is as the kill has left it."""
        process, first = _Process(self, command), self.sandbox.journal.arrived_count + 1
        PROCESS_SIGNALS.__init__()  # type: ignore[misc] # a process has had no signal when it starts
        PROCESS_REDACTOR.__init__()  # type: ignore[misc] # the same
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
        code: int | None = None
        with contextlib.ExitStack() as stack:
            stack.enter_context(patch.dict(os.environ, self._environment, clear=True))
            stack.enter_context(patch.multiple(sys, stdout=out, stderr=err))
            stack.enter_context(process.wired())
            with contextlib.suppress(Crash):
                code = main(list(command.argv))
        if process.fuse.blown:
            code = None
            shutil.rmtree(self.folder)
            process.wreck.rename(self.folder)
        return Ended(
            code=code,
            out=_text(out),
            err=_text(err),
            numbers=range(first, self.sandbox.journal.arrived_count + 1),
            blind=process.fuse.sent_after_failure,
        )


def _compiling() -> Callable[..., Any]:
    real = Environment.compile

    def compiled(pages: Environment, source: str, *given: Any, **named: Any) -> Any:
        if source not in _pages:
            _pages[source] = real(pages, source, *given, **named)
        return _pages[source]

    return compiled


def _text(stream: io.TextIOWrapper) -> str:
    raw = stream.buffer
    assert isinstance(raw, io.BytesIO)
    return raw.getvalue().decode()


class _Process:
    """What is different for one command: its clock, its network, its disk."""

    def __init__(self, machine: Machine, command: Command) -> None:
        self.fuse = Fuse(command.crash)
        self.wreck = machine.folder.with_name(f"{machine.folder.name}-killed")
        self.fuse.on_blow = lambda: snapshot(machine.folder, self.wreck)
        self._exchange = machine.sandbox.exchange
        self._journal = machine.sandbox.journal
        self._command = command
        self._rng = Random(command.seed)
        self._network: Network | None = None
        self._sessions = 0

    @contextlib.contextmanager
    def wired(self) -> Iterator[None]:
        """While the block lasts everything of this process goes through here."""
        with contextlib.ExitStack() as stack:
            for owner, name, to in (
                (batch.run, "run_loop", self._loop),
                (batch.look, "run_loop", self._loop),
                (batch.process.loop, "run_loop", lambda ask: asyncio.run(ask())),
                (batch.run, "Random", lambda: self._rng),
                (batch.look, "Random", lambda: self._rng),
                (batch.csms.network, "client_context", _context),
                (Environment, "compile", _compiling()),
                (RealNetwork, "wire", lambda _, endpoint, **__: self._wire(endpoint)),
                (Ledger, "commit", self._committing()),
                (KeysBefore, "note", self._noting()),
                (Sightings, "_commit", self._recording()),
                (Path, "replace", self._replacing()),
            ):
                stack.enter_context(patch.object(owner, name, to))
            yield

    def _loop(self, session: Callable[[], Coroutine[Any, Any, T]]) -> T:
        loop, command = VirtualLoop(), self._command
        line = Line(timeout_s=command.timeout_s, rng=self._rng, watch=self.fuse.at)
        start_s, began_s = self._exchange.last_s + command.gap_s, loop.time()
        network = self._network = Network(self._exchange, line, start_s=start_s, loop_s=began_s)
        self._sessions += 1

        async def living() -> T:
            if self._sessions == 1:
                command.meanwhile(network.now_s)
            return await session()

        try:
            return loop.run_until_complete(living())
        except Crash:
            network.die(loop.time(), self._rng)
            bury(loop)
            raise
        finally:
            # Also what others did while nothing was sent, and what has landed, lies before the next command.
            ended_s = start_s + loop.time() - began_s
            self._exchange.settle(ended_s)
            self._exchange.last_s = max(self._exchange.last_s, ended_s)
            loop.close()

    def _wire(self, endpoint: str) -> contextlib.AbstractAsyncContextManager[Network]:
        assert self._network is not None
        return self._network.wire(endpoint)

    def _committing(self) -> Callable[..., None]:
        real, fuse = Ledger.commit, self.fuse

        def commit(ledger: Ledger, **given: Any) -> None:
            fuse.at("before commit")
            real(ledger, **given)
            intents, parked, ended = (given.get(one, ()) for one in ("intents", "parked", "outcomes"))
            if intents or parked or ended:
                self._command.tape.append(
                    Commit(
                        arrived=self._journal.arrived_count,
                        intents=tuple((one.row, one.attempts) for one in intents),
                        put_aside=tuple((one.row, one.attempts) for one in parked),
                        ended=tuple((one.row, one.status) for one in ended),
                    )
                )
            fuse.at("after commit")

        return commit

    def _noting(self) -> Callable[..., Any]:
        real, fuse = KeysBefore.note, self.fuse

        def note(keys: KeysBefore, *given: Any) -> Any:
            fuse.at("before commit")
            shown = real(keys, *given)
            fuse.at("after commit")
            return shown

        return note

    def _recording(self) -> Callable[..., Any]:
        real, fuse = Sightings._commit, self.fuse

        def commit(sightings: Sightings) -> None:
            fuse.at("before commit")
            real(sightings)
            fuse.at("after commit")

        return commit

    def _replacing(self) -> Callable[..., Path]:
        real, fuse = Path.replace, self.fuse

        def replace(path: Path, target: Any) -> Path:
            fuse.at("before file")
            found = real(path, target)
            fuse.at("after file")
            return found

        return replace
