"""The command line: parses it and calls one module per command, imported only when it is needed."""

import os
import sys
from collections.abc import Sequence

import cyclopts

import batch.process.structlog_alone  # noqa: F401 - before anything else imports structlog
from batch.cli.command_list import COMMANDS, FLEET, OTHER
from batch.cli.environment import from_environment
from batch.cli.exit_metrics import ExitMetrics
from batch.cli.exits import guarded
from batch.cli.help_page import ALL, FLAGS, HelpPage
from batch.cli.job_file import named_by_job
from batch.cli.origins import note_origins
from batch.cli.other_tools import from_other_tools
from batch.cli.parsed import Parsed
from batch.cli.screen import say, say_lost
from batch.process.hardening import harden
from batch.process.sd_notify import PROCESS_SUPERVISOR
from batch.process.signals import PROCESS_SIGNALS, InterruptedBySignal, interruptible
from batch.process.version import version
from batch.redaction.redactor import flush_streams, guard_streams
from jobs.spec import UsageError
from reports import Exit

app = cyclopts.App(
    name="csms-rekey",
    help="Moves the secrets of Huawei Cloud CSMS to new KMS keys in bulk.",
    help_epilogue="Run csms-rekey COMMAND --help for the options and exit codes of a command.",
    version=version,
    version_flags=("--version", "-V"),
    help_flags=FLAGS,
    help_format="plaintext",
    group_parameters=cyclopts.Group("Options", sort_key=0),
)
_CONFIG = (from_environment, named_by_job, from_other_tools)
_fleet = cyclopts.App(
    name="fleet",
    help="Run one campaign on many machines.",
    group=FLEET,
    help_flags=FLAGS,
    version_flags=(),
    help_format="plaintext",
    group_parameters=app.group_parameters,
    sort_key=len(COMMANDS),
)
app.command(_fleet)
for _at, _command in enumerate(COMMANDS):
    (_fleet if _command.of_fleet else app).command(
        f"batch.cli.commands.{_command.path}",
        name=_command.name,
        group=_command.group,
        help=_command.help,
        help_epilogue=_command.epilogue,
        config=() if _command.sealed else (*_CONFIG, note_origins) if _command.origins else _CONFIG,
        sort_key=_at,
        usage=_command.usage,
    )
app["--help"].group, app["--help"].help = OTHER, "Show this page, or with --help-all every option."
app["--version"].group, app["--version"].help = OTHER, "Show the version."


def commands() -> dict[str, cyclopts.App]:
    """Every command by its words, in the order of use: `run`, `fleet shard`."""
    found = {name: app[name] for name in app if not name.startswith("-") and app[name] is not _fleet}
    found |= {f"fleet {name}": _fleet[name] for name in _fleet if not name.startswith("-")}
    return dict(sorted(found.items(), key=lambda one: one[1].sort_key))


def main(argv: Sequence[str] | None = None, parsed: Parsed | None = None) -> int:
    """Runs one command, whose words may have been `parsed` before; returns its exit code."""
    harden()
    PROCESS_SUPERVISOR.adopt(os.environ)
    guard_streams()
    words = sys.argv[1:] if argv is None else argv
    metrics = ExitMetrics(words, os.environ)

    try:
        with interruptible(PROCESS_SIGNALS, to_the_end=argv is None):
            code = guarded(parsed or (lambda: _run(words)), say)
    except InterruptedBySignal as interrupted:
        say(f"interrupted by {interrupted.number.name}")
        code = 128 + interrupted.number
    metrics.write(code)
    flush_streams()
    say_lost()
    return code


def parse(words: Sequence[str]) -> Parsed:
    """Reads a command line, and what else its command has its options from.

    Raises:
        CycloptsError: the words do not name a command.
        UsageError: a value or a variable cannot be used.
        ValueError: the same, for a dataclass of options.
    """
    command, arguments, _ = app.parse_args(list(words), print_error=False, exit_on_error=False)
    return Parsed(words, command, arguments)


def _run(argv: Sequence[str]) -> int:
    app.help_formatter = HelpPage(full=ALL in argv)
    try:
        parsed = parse(argv)
    except cyclopts.UnusedCliTokensError as error:
        # A misspelt option before the manifest is taken for the manifest, which is then left over.
        left = " ".join(error.unused_tokens or ())
        return _refuse(f"unexpected argument {left} (is an option before it misspelt?)", error.command_chain)
    except cyclopts.CycloptsError as error:
        return _refuse(str(error), error.command_chain)
    except ValueError as error:  # from a dataclass of options
        raise UsageError(str(error)) from error
    return parsed()


def _refuse(message: str, commands: Sequence[str] | None) -> int:
    say(message)
    if commands:
        say(f"run csms-rekey {' '.join(commands)} {ALL} for its options")
    else:
        say("run csms-rekey --help for the commands")
    return Exit.USAGE
