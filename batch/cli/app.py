"""The command line: parses, then hands over to one module per command, imported only when it is asked for."""

import os
import sys
from collections.abc import Sequence
from typing import NamedTuple

import cyclopts

import batch.process.structlog_alone  # noqa: F401 - before anything else imports structlog
from batch.cli.environment import from_environment
from batch.cli.exit_metrics import ExitMetrics
from batch.cli.exits import guarded
from batch.cli.job_file import named_by_job, place_of
from batch.cli.origins import note_origins
from batch.cli.other_tools import from_other_tools
from batch.cli.screen import say, say_lost
from batch.process.hardening import harden
from batch.process.sd_notify import PROCESS_SUPERVISOR
from batch.process.signals import PROCESS_SIGNALS, InterruptedBySignal, interruptible
from batch.process.version import version
from batch.redaction.redactor import flush_streams, guard_streams
from jobs.spec import SpecError, UsageError
from reports import Exit

_CODES = (
    "Exit codes: 0 every row done; 1 finished, some rows not done; 2 usage or unusable manifest, nothing sent;"
    " 3 stopped early by a safety rule, resumable; 4 another run holds the lock; 70 internal error; 74 ledger or"
    " reports cannot be written; 130/143/129 interrupted, resumable."
)
_ELSEWHERE = (
    "Every option is also an environment variable (CSMS_REKEY_MAX_ATTEMPTS=5) and a key of a job file"
    " (max-attempts = 5, read by --job FILE.toml). The command line comes before the environment, that before the file."
)

app = cyclopts.App(
    name="csms-rekey",
    help="Moves the secrets of Huawei Cloud CSMS to new KMS keys in bulk, and says for every row how it ended.",
    help_epilogue="csms-rekey COMMAND --help lists the options of a command, and its exit codes.",
    version=version,
    version_flags=("--version", "-V"),
    help_format="plaintext",
)


class _Command(NamedTuple):
    """One command: its module is imported when it is called, or its own help is asked for. `epilogue` says what it ends
    with; a `sealed` one takes no option from the environment, as one made for runs does not mean it; one with
    `origins` is handed where each option came from.
    """

    path: str
    help: str
    epilogue: str
    sealed: bool = False
    origins: bool = False
    name: str | None = None
    of_fleet: bool = False


# In the order in which they are used.
_COMMANDS = (
    _Command(
        "run:run",
        "Apply a plan or a manifest: CSV, TSV, Parquet, text also .gz or .zst; - is standard input.",
        f"{_CODES}\n\n{_ELSEWHERE}",
        origins=True,
    ),
    _Command(
        "check:check",
        "Print every problem of a manifest, and what a run of it would do; nothing is sent.",
        "Exit codes: 0 every row can be sent; 1 some rows are invalid; 2 usage or unusable manifest; 3 the login was"
        f" refused when the project was looked up; 74 a file cannot be written.\n\n{_ELSEWHERE}",
    ),
    _Command(
        "plan:plan",
        "Look at what the service has, and write what a run would do: a directory that run takes. Nothing is changed.",
        "Exit codes: 0 everything can be done; 1 some rows cannot; 2 usage, or unusable manifest or key map; 3 not all"
        " could be looked at, `resume` continues where it was stopped; 4 a run is using it; 74"
        f" cannot be written; 130/143/129 interrupted.\n\n{_ELSEWHERE}",
    ),
    _Command(
        "resume:resume",
        "Continue a run, plan, verification or retirement that was stopped, interrupted or killed.",
        f"{_CODES}\n\n{_ELSEWHERE}",
        origins=True,
    ),
    _Command(
        "go:go",
        "Run a manifest or a plan, or continue its run: the same command each time, for schedulers.",
        f"{_CODES}\n\n{_ELSEWHERE}",
        origins=True,
    ),
    _Command(
        "verify:verify",
        "Look at the secret of every row of a run or a manifest: does it show the row's key? Nothing is changed.",
        "Exit codes: 0 every row holds; 1 some do not; 2 usage or unusable manifest; 3 some could not be read,"
        " `resume` continues; 4 a run is using it; 74 cannot be written; 130/143/129 interrupted."
        f"\n\n{_ELSEWHERE}",
        origins=True,
    ),
    _Command(
        "rollback:rollback",
        "Write a manifest that moves the secrets of a run back to the keys that they showed before; nothing is sent.",
        "Exit codes: 0 written; 1 written, and some changed rows cannot go back; 2 usage, nothing written; 4 a run is"
        " using it; 74 cannot be read or written. Variables named CSMS_REKEY_... do not reach it.",
        sealed=True,
    ),
    _Command(
        "retire:retire",
        "Look who still needs an old key, by the metadata of versions: may it be disabled? Nothing is changed.",
        "Exit codes: 0 free; 1 still needed; 2 usage; 3 something could not be looked at, `resume`"
        " continues; 4 a run is using it; 74 cannot be written; 130/143/129 interrupted."
        f"\n\n{_ELSEWHERE}",
        origins=True,
    ),
    _Command(
        "look:report",
        "Write the reports of a run directory again, from its ledger alone.",
        "Exit codes: that of the run; 2 no run directory; 4 a run is using it; 74 a report cannot be written.",
    ),
    _Command(
        "look:status",
        "Show where a run stands, also while it is running; of a folder of runs, one line each.",
        "Exit codes: 0 shown, however the run stands; 2 no run directory; 74 its ledger cannot be read.",
    ),
    _Command(
        "merge:merge",
        "Put the outcomes of all shards of a run into one directory, with one report.",
        f"{_CODES} Variables named CSMS_REKEY_... do not reach it.",
        sealed=True,
    ),
    _Command(
        "set:change",
        "Change a live run: its rate, or a pause.",
        "Exit codes: 0 the run has taken the change; 2 no run is active there, or it cannot be changed so. Variables"
        " named CSMS_REKEY_... do not reach it.",
        sealed=True,
        name="set",
    ),
    _Command(
        "auth:auth",
        "Show which login a run would use, and try it by one harmless read of its project, or of each in a manifest.",
        "Exit codes: 0 the login works; 1 a read failed; 2 usage, no login, or no project; 3 the login was refused, or"
        " a project does not belong to the login."
        f"\n\n{_ELSEWHERE}",
    ),
    _Command(
        "config:config",
        "Print every option of run and resume, its value, and where the value comes from.",
        f"Exit codes: 0 printed; 2 an option cannot be used.\n\n{_ELSEWHERE}",
        origins=True,
    ),
    _Command(
        "fleet_shard:shard",
        "Work on one shard of a campaign folder, or continue it; every machine of a fleet calls this.",
        f"{_CODES} 4 is also for a lease that another process holds, or that was lost.\n\n{_ELSEWHERE}",
        of_fleet=True,
    ),
    _Command(
        "sandbox:sandbox",
        "Run the embedded service on this machine, for rehearsals; its first line says where, as JSON.",
        "Exit codes: 0 ended by a signal; 2 it cannot start. Variables named CSMS_REKEY_... do not reach it.",
        sealed=True,
    ),
    _Command(
        "demo:demo",
        "Rehearse: a sandbox with faults, 500 secrets in two projects, and a real run over them.",
        "Exit codes: that of its run. Variables named CSMS_REKEY_... do not reach it.",
        sealed=True,
    ),
)
_CONFIG = (from_environment, named_by_job, from_other_tools)
_fleet = cyclopts.App(name="fleet", help="Run one campaign on many machines.", sort_key=len(_COMMANDS))
app.command(_fleet)
for _at, _command in enumerate(_COMMANDS):
    (_fleet if _command.of_fleet else app).command(
        f"batch.cli.commands.{_command.path}",
        name=_command.name,
        help=_command.help,
        help_epilogue=_command.epilogue,
        config=() if _command.sealed else (*_CONFIG, note_origins) if _command.origins else _CONFIG,
        sort_key=_at,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code."""
    harden()
    PROCESS_SUPERVISOR.adopt(os.environ)
    guard_streams()
    words = sys.argv[1:] if argv is None else argv
    metrics = ExitMetrics(words, os.environ)

    try:
        with interruptible(PROCESS_SIGNALS, to_the_end=argv is None):
            code = guarded(lambda: _run(words), say)
    except InterruptedBySignal as interrupted:
        say(f"interrupted by {interrupted.number.name}")
        code = 128 + interrupted.number
    metrics.write(code)
    flush_streams()
    say_lost()
    return code


def _run(argv: Sequence[str]) -> int:
    try:
        function, bound, _ = app.parse_args(list(argv), print_error=False, exit_on_error=False)
    except cyclopts.UnusedCliTokensError as error:
        # A misspelt option before the manifest is taken for the manifest, and that is left over.
        left = " ".join(error.unused_tokens or ())
        return _refuse(f"one argument too many, or an option is misspelt: {left}", error.command_chain)
    except cyclopts.CycloptsError as error:
        return _refuse(str(error), error.command_chain)
    except ValueError as error:  # what a dataclass of options says of its values
        raise UsageError(str(error)) from error
    try:
        return int(function(*bound.args, **bound.kwargs) or Exit.DONE)
    except SpecError as error:
        # The name of an option alone would have a person search the command line.
        place = place_of(error.option, argv, os.environ)
        raise UsageError(f"{place}: {error}" if place else str(error)) from error


def _refuse(message: str, commands: Sequence[str] | None) -> int:
    say(message)
    if commands:
        say(f"csms-rekey {' '.join(commands)} --help lists its options")
    else:
        say("csms-rekey --help lists the commands")
    return Exit.USAGE
