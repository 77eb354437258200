"""The sandbox as a separate process: starts it, prints its address, and ends it on a signal."""

import asyncio
import signal
import sys
import time
from collections.abc import Callable

import msgspec

from batch.process.loop import run_loop
from batch.sandbox.assembly import sandbox_of
from batch.sandbox.manifest import manifest_csv
from batch.sandbox.options import SandboxOptions
from batch.sandbox.pasted import to_paste
from batch.sandbox.ready import Ready
from batch.sandbox.server import SandboxServer


def serve(options: SandboxOptions) -> int:
    """Runs a sandbox until SIGINT or SIGTERM and returns the exit code.

    One JSON line on stdout (`Ready`) says that it listens, and all that a client has to know. The manifest, if asked
    for, is written before that. Where stdout is a terminal, lines to paste into a shell follow on
    stderr. Returns 0 after a signal; 2 when it cannot start, with the reason on stderr.
    """
    try:
        run_loop(lambda: _serve(options, lambda ready: _print_ready(ready, options)))
    except OSError as error:
        named = "" if error.filename is None else f"{error.filename}: "
        sys.stderr.write(f"csms-rekey: sandbox: {named}{error.strerror or error}\n")
        return 2
    return 0


async def _serve(options: SandboxOptions, tell: Callable[[Ready], None]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    # Before the ready line: its reader may send the signal at once.
    for signum in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signum, stop.set)
    sandbox = sandbox_of(options, epoch_s=time.time())
    try:
        if options.manifest is not None:
            # Never over a file that is there: it may be the manifest of a real run.
            with options.manifest.open("x", encoding="utf-8", newline="") as file:
                file.write(manifest_csv(sandbox.world))
        async with SandboxServer(sandbox.exchange, port=options.port, latency_ms=options.latency_ms) as server:
            tell(sandbox.ready(server.url))
            await stop.wait()
    finally:
        sandbox.journal.close()


def _print_ready(ready: Ready, options: SandboxOptions) -> None:
    sys.stdout.write(msgspec.json.encode(ready).decode() + "\n")
    sys.stdout.flush()
    if sys.stdout.isatty():
        sys.stderr.write(f"\nTo use it, paste into another terminal:\n\n{to_paste(ready, options.manifest)}\n\n")
        sys.stderr.flush()
