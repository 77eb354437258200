"""Runs one command after the other, each in a fork of a process that has imported everything already.

A worker of a fleet starts it, writes the words of a command to its standard input, and reads the exit code. The command
has the same input, so both end where the worker does. What all shards of a campaign need from outside is read once: the
options, and whom this machine trusts. So where one fails, the worker lets go of this process: that may be mended.
"""

import contextlib
import gc
import os
import select
import signal
import sys
from functools import cache
from typing import NoReturn

import cyclopts
import msgspec

# Also what a command imports only when it is called: all that a shard needs from its first step to its last.
from batch.cli import sharding  # noqa: F401 - see above
from batch.cli.app import main, parse
from batch.cli.commands import fleet_shard  # noqa: F401 - see above
from batch.cli.parsed import Parsed
from batch.cli.screen import say
from batch.csms import network, tls  # noqa: F401 - see above
from jobs.spec import UsageError
from reports import Exit
from reports.page import page
from reports.screen import end  # noqa: F401 - see above

with contextlib.suppress(ImportError):
    import uvloop  # noqa: F401 - not there on every platform

_SHARD, _INDEX = ("fleet", "shard"), "index"
_IDLE_S = 60.0
"""After which it ends: its memory may be needed, and what is installed may change."""
_BYTES = 4_096


def serve() -> None:
    """Until its input ends, or nothing has been asked of it for a while."""
    page.prepare()
    tls.default_context()
    # What is there by now stays: no fork needs to look through it, which would copy it.
    gc.freeze()
    with contextlib.suppress(BrokenPipeError):
        while select.select([0], [], [], _IDLE_S)[0] and (words := _next_command()) is not None:
            os.write(1, b"%d\n" % _exit_code_of(words))


def _next_command() -> list[str] | None:
    """None where there is none any more. Nothing comes behind its line before it has ended."""
    line = b""
    while not line.endswith(b"\n"):
        if not (part := os.read(0, _BYTES)):
            return None
        line += part
    return msgspec.json.decode(line, type=list[str])


def _exit_code_of(words: list[str]) -> int:
    parsed = _parsed((*_SHARD, "0", *words[3:])) if tuple(words[:2]) == _SHARD else None
    try:
        pid = os.fork()
    except OSError as error:
        say(f"no process for a shard can be started: {error.strerror}")
        return Exit.CANNOT_WRITE
    if pid == 0:
        if parsed is not None:
            parsed.arguments.arguments[_INDEX] = int(words[2])
        _become(words, parsed)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return code if code >= 0 else 128 - code


@cache
def _parsed(words: tuple[str, ...]) -> Parsed | None:
    """None where the command refuses them: it says why."""
    with contextlib.suppress(cyclopts.CycloptsError, UsageError, ValueError, OSError):
        return parse(words)
    return None


def _become(words: list[str], parsed: Parsed | None) -> NoReturn:
    """From here on as if the command line had been called with these words, and nothing to read what it shows."""
    code: int = Exit.INTERNAL
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.close(nowhere)
        sys.argv[1:] = words
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        code = main(parsed=parsed)
    finally:
        # Not through the end of the interpreter, which would take all down that was imported.
        os._exit(code)
