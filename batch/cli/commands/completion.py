"""`completion`: a script that completes commands, options and file names in a shell."""

from typing import Literal

from batch.cli.app import app
from batch.cli.screen import tell_written

_COMPLETE = "complete -F "


def completion(shell: Literal["bash", "zsh", "fish"], /) -> None:
    """Prints it on stdout.

    Args:
        shell: The shell it is for.
    """
    script = app.generate_completion(shell=shell)
    if shell == "bash":
        # A manifest may be `-`, so its type is text: bash has to fall back to file names itself.
        script = script.replace(_COMPLETE, "complete -o bashdefault -o default -F ")
    tell_written(script.rstrip("\n").split("\n"))
