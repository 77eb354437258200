"""The command line: parses, then hands over to one module per command, each imported only when it is asked for."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import cyclopts

from batch.cli.exits import guarded
from batch.cli.job_file import named_by_job
from batch.cli.options import AuthOptions, LimitOptions, ManifestOptions, SandboxFlags, SessionOptions, spec_of
from batch.cli.screen import say
from batch.process.hardening import harden
from batch.process.signals import PROCESS_SIGNALS, InterruptedBySignal, interruptible
from batch.process.version import version
from batch.redaction.redactor import flush_streams, guard_streams
from reports import Exit

_EPILOGUE = (
    "Exit codes: 0 every row done; 1 finished, some rows not done; 2 usage or unusable manifest, nothing sent;"
    " 3 stopped early by a safety rule, resumable; 4 another run holds the lock; 70 internal error; 74 ledger or"
    " reports cannot be written; 130/143/129 interrupted, resumable.\n\n"
    "Every option is also an environment variable (CSMS_REKEY_MAX_ATTEMPTS=5) and a key of a job file"
    " (max-attempts = 5, read by --job FILE.toml). The command line comes before the environment, that before the file."
)
_SOURCE, _LIMITS, _AUTH, _SESSION = ManifestOptions(), LimitOptions(), AuthOptions(), SessionOptions()
_SANDBOX = SandboxFlags()

# A lone dash is standard input, not an option.
ManifestPath = Annotated[str, cyclopts.Parameter(allow_leading_hyphen=True)]
JobFile = Annotated[Path | None, cyclopts.Parameter(help="TOML file with options of this command.")]


def _given_only(*_: object) -> None:
    """The sandbox has options named like those of a run, which an environment made for runs does not mean."""


app = cyclopts.App(
    name="csms-rekey",
    help="Moves the secrets of Huawei Cloud CSMS to new KMS keys in bulk, and says for every row how it ended.",
    help_epilogue=_EPILOGUE,
    version=version,
    config=(cyclopts.config.Env("CSMS_REKEY_", command=False, show=False), named_by_job),
    help_format="plaintext",
)


@app.command
def run(
    manifest: ManifestPath,
    /,
    *,
    source: ManifestOptions = _SOURCE,
    limits: LimitOptions = _LIMITS,
    auth: AuthOptions = _AUTH,
    session: SessionOptions = _SESSION,
    run_dir: Path | None = None,
    job: JobFile = None,
) -> int:
    """Apply a manifest: CSV, TSV or Parquet, text also .gz or .zst; - reads standard input.

    Args:
        manifest: Columns secret_name, kms_key_id; optional project_id, region, description, expected_kms_key_id.
        run_dir: New directory for the ledger and the reports. [default: runs/<UTC time>-<manifest>]
    """
    del job
    from batch.cli.commands.run import run as command  # noqa: PLC0415 - --help imports neither pandas nor aiohttp

    return command(manifest, spec_of(source, limits, auth), auth, session, run_dir)


@app.command
def check(manifest: ManifestPath, /, *, source: ManifestOptions = _SOURCE, job: JobFile = None) -> int:
    """Print every problem of a manifest; nothing is sent."""
    del job
    from batch.cli.commands.check import check as command  # noqa: PLC0415 - see run

    return command(manifest, spec_of(source, _LIMITS, _AUTH))


@app.command
def resume(
    run_dir: Path,
    /,
    *,
    failed: bool = False,
    limits: LimitOptions = _LIMITS,
    auth: AuthOptions = _AUTH,
    session: SessionOptions = _SESSION,
    job: JobFile = None,
) -> int:
    """Go on with a run that was stopped, interrupted or killed.

    Args:
        failed: Also take rows again that ended as failed or unknown, with fresh attempts.
    """
    del job
    from batch.cli.commands.resume import resume as command  # noqa: PLC0415 - see run

    return command(run_dir, limits, auth, session, failed=failed)


@app.command
def report(run_dir: Path, /, *, json: bool = False) -> int:
    """Write the reports of a run directory again, from its ledger alone.

    Args:
        json: Print the summary as JSON, and nothing else.
    """
    from batch.cli.commands.look import report as command  # noqa: PLC0415 - see run

    return command(run_dir, as_json=json)


@app.command
def status(run_dir: Path, /, *, json: bool = False) -> int:
    """Tell where a run stands, also while it is going.

    Args:
        json: Print it as one JSON object, and nothing else.
    """
    from batch.cli.commands.look import status as command  # noqa: PLC0415 - see run

    return command(run_dir, as_json=json)


@app.command
def auth(*, source: ManifestOptions = _SOURCE, auth: AuthOptions = _AUTH, job: JobFile = None) -> int:
    """Tell which login a run would use, and make one harmless read with it; a credential is never shown."""
    del job
    from batch.cli.commands.auth import auth as command  # noqa: PLC0415 - see run

    return command(auth, spec_of(source, _LIMITS, auth))


@app.command(config=_given_only)
def sandbox(*, options: SandboxFlags = _SANDBOX) -> int:
    """Run the embedded service on this machine, for rehearsals; its first line says where, as JSON."""
    from batch.cli.commands.sandbox import sandbox as command  # noqa: PLC0415 - see run

    return command(options)


@app.command
def demo(*, run_dir: Path | None = None, seed: int = 7) -> int:
    """Show it: a sandbox with faults, 500 secrets in two projects, and a real run over them.

    Args:
        run_dir: New directory for everything the demo leaves. [default: runs/<UTC time>-demo]
        seed: Makes the same secrets and the same faults again.
    """
    from batch.cli.commands.demo import demo as command  # noqa: PLC0415 - see run

    return command(run_dir, seed)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code."""
    harden()
    guard_streams()

    def command() -> int:
        return _parse(sys.argv[1:] if argv is None else argv)()

    try:
        with interruptible(PROCESS_SIGNALS, to_the_end=argv is None):
            return guarded(command, say)
    except InterruptedBySignal as interrupted:
        say(f"interrupted by {interrupted.number.name}")
        return 128 + interrupted.number
    finally:
        flush_streams()


def _parse(argv: Sequence[str]) -> Callable[[], int]:
    try:
        function, bound, _ = app.parse_args(list(argv), print_error=False, exit_on_error=False)
    except cyclopts.UnusedCliTokensError as error:
        # A misspelt option before the manifest is taken for the manifest, and that is left over.
        message = f"one argument too many, or an option is misspelt: {' '.join(error.unused_tokens or ())}"
        return lambda: _refuse(message)
    except cyclopts.CycloptsError as error:
        message = str(error)
        return lambda: _refuse(message)
    return lambda: int(function(*bound.args, **bound.kwargs) or Exit.DONE)


def _refuse(message: str) -> int:
    say(message)
    say("csms-rekey --help tells the commands and their options")
    return Exit.USAGE
