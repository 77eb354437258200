"""`demo`: a sandbox that fails now and then, 500 secrets in two projects, and a real run over them."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from batch.cli.commands.run import start
from batch.cli.loading import incoming_of
from batch.cli.login import redacted_access
from batch.cli.options import SESSION
from batch.cli.screen import say
from batch.csms.auth import Masked, TokenCredential
from batch.sandbox.ready import Ready
from jobs.rate import Rate
from jobs.run_dir.run_dir import RunDirectory
from jobs.spec import JobSpec, Limits, UsageError

_SECRETS, _PROJECTS = 500, 2
_FAULTS = ("504=2%", "429=1%", "reset=1%")
_QUOTA = "20/s"
_STOP_TIMEOUT_S = 10.0


def demo(*, run_dir: Path | None = None, seed: int = 7) -> int:
    """Runs it; the exit code is the run's own.

    Args:
        run_dir: New directory for all files of the demo. [default: runs/<UTC time>-demo]
        seed: The same number makes the same secrets and faults.
    """
    from batch.csms.network import open_network  # noqa: PLC0415 - --help does without aiohttp

    folder = RunDirectory.claim(run_dir, "demo", network_ok=True).path
    if any(folder.iterdir()):
        # The demo's own files stand around its run: a folder that a run may take over is not for it.
        raise UsageError(f"{folder}: is not empty; give another --run-dir")
    manifest = folder / "secrets.csv"
    faults = ", ".join(_FAULTS)
    say(f"sandbox: {_SECRETS} secrets in {_PROJECTS} projects, {_QUOTA} allowed in each, faults {faults}")
    with _sandbox(manifest, folder / "sandbox.log", seed) as ready:
        spec = JobSpec(endpoint=ready.url, limits=Limits(rate=Rate.parse(_QUOTA), timeout_s=5.0))
        network = open_network(ca_file=None, proxy=None, environment={})
        access = redacted_access(network, TokenCredential(Masked(ready.token), source="the sandbox"))
        code = start(incoming_of(str(manifest)), spec, access, SESSION, folder / "run")
    say(f"what the sandbox saw: {folder / 'sandbox.log'}")
    return code


@contextlib.contextmanager
def _sandbox(manifest: Path, log: Path, seed: int) -> Iterator[Ready]:
    """A sandbox in a separate process."""
    command = [sys.executable, "-m", "batch", "sandbox", f"--secrets={_SECRETS}", f"--projects={_PROJECTS}"]
    command += [f"--rate-limit={_QUOTA}", "--latency=30", f"--seed={seed}", f"--manifest={manifest}", f"--log={log}"]
    command += [f"--fault={fault}" for fault in _FAULTS]
    # In a separate group: Ctrl-C is for the run, which still needs the sandbox for what is in flight.
    with subprocess.Popen(command, stdout=subprocess.PIPE, process_group=0) as process:  # noqa: S603 - this very program
        try:
            line = process.stdout.readline() if process.stdout else b""
            if not line:
                raise UsageError("the sandbox did not start")
            yield msgspec.json.decode(line, type=Ready)
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_STOP_TIMEOUT_S)
            process.kill()
