"""The command line: parses, then hands over to one module per command, imported only when it is asked for."""

import os
import sys
from collections.abc import Sequence

import cyclopts

from batch.cli.exits import guarded
from batch.cli.job_file import named_by_job
from batch.cli.screen import say
from batch.process.hardening import harden
from batch.process.sd_notify import PROCESS_SUPERVISOR
from batch.process.signals import PROCESS_SIGNALS, InterruptedBySignal, interruptible
from batch.process.version import version
from batch.redaction.redactor import flush_streams, guard_streams
from jobs.spec import UsageError
from reports import Exit

_EPILOGUE = (
    "Exit codes: 0 every row done; 1 finished, some rows not done; 2 usage or unusable manifest, nothing sent;"
    " 3 stopped early by a safety rule, resumable; 4 another run holds the lock; 70 internal error; 74 ledger or"
    " reports cannot be written; 130/143/129 interrupted, resumable.\n\n"
    "Every option is also an environment variable (CSMS_REKEY_MAX_ATTEMPTS=5) and a key of a job file"
    " (max-attempts = 5, read by --job FILE.toml). The command line comes before the environment, that before the file."
)

app = cyclopts.App(
    name="csms-rekey",
    help="Moves the secrets of Huawei Cloud CSMS to new KMS keys in bulk, and says for every row how it ended.",
    help_epilogue=_EPILOGUE,
    version=version,
    config=(cyclopts.config.Env("CSMS_REKEY_", command=False, show=False), named_by_job),
    help_format="plaintext",
)


# Each module is imported when its command is called, or its own help is asked for.
_COMMANDS = (
    ("run:run", "Apply a manifest: CSV, TSV or Parquet, text also .gz or .zst; - reads standard input."),
    ("check:check", "Print every problem of a manifest; nothing is sent."),
    ("resume:resume", "Go on with a run that was stopped, interrupted or killed."),
    ("look:report", "Write the reports of a run directory again, from its ledger alone."),
    ("look:status", "Tell where a run stands, also while it is going."),
    ("set:change", "Change a live run: its rate, or a pause."),
    ("auth:auth", "Tell which login a run would use, and make one harmless read with it; a credential is never shown."),
    (
        "sandbox:sandbox",
        "Run the embedded service on this machine, for rehearsals; its first line says where, as JSON.",
    ),
    ("demo:demo", "Show it: a sandbox with faults, 500 secrets in two projects, and a real run over them."),
)
for _path, _help in _COMMANDS:
    # These have options named like those of a run, which an environment made for runs does not mean.
    own = _path in {"sandbox:sandbox", "set:change"}
    name = "set" if _path == "set:change" else None
    app.command(f"batch.cli.commands.{_path}", name=name, help=_help, config=() if own else None)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code."""
    harden()
    PROCESS_SUPERVISOR.adopt(os.environ)
    guard_streams()

    try:
        with interruptible(PROCESS_SIGNALS, to_the_end=argv is None):
            return guarded(lambda: _run(sys.argv[1:] if argv is None else argv), say)
    except InterruptedBySignal as interrupted:
        say(f"interrupted by {interrupted.number.name}")
        return 128 + interrupted.number
    finally:
        flush_streams()


def _run(argv: Sequence[str]) -> int:
    try:
        function, bound, _ = app.parse_args(list(argv), print_error=False, exit_on_error=False)
    except cyclopts.UnusedCliTokensError as error:
        # A misspelt option before the manifest is taken for the manifest, and that is left over.
        return _refuse(f"one argument too many, or an option is misspelt: {' '.join(error.unused_tokens or ())}")
    except cyclopts.CycloptsError as error:
        return _refuse(str(error))
    except ValueError as error:  # what a dataclass of options says of its values
        raise UsageError(str(error)) from error
    return int(function(*bound.args, **bound.kwargs) or Exit.DONE)


def _refuse(message: str) -> int:
    say(message)
    say("csms-rekey --help lists the commands and their options")
    return Exit.USAGE
