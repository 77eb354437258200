"""Runs one command after the other, each in a fork of a process that has imported everything already.

A worker of a fleet starts it, writes the words of a command to its standard input, and reads the exit code. The command
has the same input, so both end where the worker does.
"""

import contextlib
import gc
import os
import select
import signal
import sys
from typing import NoReturn

import msgspec

from batch.process.hardening import harden
from reports import Exit

_IDLE_S = 60.0
"""After which it ends: its memory may be needed, and what is installed may change."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_BYTES = 4_096


def serve() -> None:
    """Until its input ends, or nothing has been asked of it for a while. A signal ends its commands, and not itself:
    somebody has to say how they ended.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    import_all()
    # What is there by now stays: no fork needs to look through it, which would copy it.
    gc.freeze()
    with contextlib.suppress(BrokenPipeError):
        while select.select([0], [], [], _IDLE_S)[0] and (words := _next_command()) is not None:
            os.write(1, b"%d\n" % _exit_code_of(words))


def import_all() -> None:
    """All that a shard needs from its first step to its last."""
    # Not above: first of all this process keeps to itself.
    from batch.cli import app, sharding  # noqa: F401, PLC0415
    from batch.cli.commands import fleet_shard  # noqa: F401, PLC0415
    from batch.csms import network  # noqa: F401, PLC0415
    from reports.page import page  # noqa: PLC0415
    from reports.screen import end  # noqa: F401, PLC0415

    with contextlib.suppress(ImportError):
        import uvloop  # noqa: F401, PLC0415 - not there on every platform

    page.prepare()


def _next_command() -> list[str] | None:
    """None where there is none any more. Nothing comes behind its line before it has ended."""
    line = b""
    while not line.endswith(b"\n"):
        if not (part := os.read(0, _BYTES)):
            return None
        line += part
    return msgspec.json.decode(line, type=list[str])


def _exit_code_of(words: list[str]) -> int:
    pid = os.fork()
    if pid == 0:
        _become(words)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return code if code >= 0 else 128 - code


def _become(words: list[str]) -> NoReturn:
    """From here on as if the command line had been called with these words, and nothing to read what it shows."""
    from batch.cli.app import main  # noqa: PLC0415 - imported long ago

    code: int = Exit.INTERNAL
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.close(nowhere)
        sys.argv[1:] = words
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        code = main()
    finally:
        # Not through the end of the interpreter, which would take all down that was imported.
        os._exit(code)


if __name__ == "__main__":
    harden()
    serve()
