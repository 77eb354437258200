"""`sandbox`: the embedded service on this machine, for rehearsals and tests, until a signal ends it."""

import asyncio
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import asdict

import msgspec

from batch.cli.options import SandboxFlags
from batch.process.loop import run_loop
from batch.sandbox.assembly import Ready, sandbox_of
from batch.sandbox.checks import AuthMode
from batch.sandbox.manifest import manifest_csv
from batch.sandbox.metadata import MetadataMode
from batch.sandbox.options import SandboxOptions
from batch.sandbox.server import SandboxServer
from jobs.spec import UsageError

# Option on the command line -> field of `SandboxOptions`, where the unit is not part of the option's name.
_FIELDS = {"fault": "faults", "latency": "latency_ms", "token_life": "token_life_s", "key_life": "key_life_s"}


def sandbox(flags: SandboxFlags) -> int:
    """Serves until SIGINT or SIGTERM and returns the exit code.

    One JSON line on stdout (`Ready`) tells when it listens and all a client has to know. The manifest, if asked for,
    is written before that. 0 after a signal; 2 when it cannot start, with the reason on stderr.

    Raises:
        UsageError: an option makes no sense.
    """
    given = {_FIELDS.get(name, name): value for name, value in asdict(flags).items()}
    given |= {"auth": AuthMode(flags.auth), "metadata": MetadataMode(flags.metadata)}
    try:
        options = SandboxOptions(**given)
    except ValueError as error:
        raise UsageError(str(error)) from error
    try:
        run_loop(lambda: _serve(options, _print_ready))
    except OSError as error:
        sys.stderr.write(f"csms-rekey: sandbox: {error}\n")
        return 2
    return 0


async def _serve(options: SandboxOptions, tell: Callable[[Ready], None]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    # Before the ready line: whoever read it may send the signal at once.
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


def _print_ready(ready: Ready) -> None:
    sys.stdout.write(msgspec.json.encode(ready).decode() + "\n")
    sys.stdout.flush()
