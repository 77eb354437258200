"""Commands of this tool in the words that a person types."""

import shlex
from pathlib import Path

from jobs.printable import printable


def command_line(*words: str) -> str:
    """A command of this tool as a person types it."""
    return shlex.join(("csms-rekey", *map(printable, words)))


def resume_command(folder: Path) -> str:
    """The command that continues there."""
    return command_line("resume", str(folder))
