"""A command line that has been read, to be run now or, with another value in it, many times."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from inspect import BoundArguments

from batch.cli.job_file import place_of
from jobs.spec import SpecError, UsageError
from reports import Exit


@dataclass(frozen=True, slots=True)
class Parsed:
    """A command whose line, environment and job file have been read; `arguments` are by name."""

    words: Sequence[str]
    command: Callable[..., int | None]
    arguments: BoundArguments

    def __call__(self) -> int:
        """Its exit code."""
        bound = self.arguments
        try:
            return int(self.command(*bound.args, **bound.kwargs) or Exit.DONE)
        except SpecError as error:
            # The name of an option alone would have a person search the command line.
            place = place_of(error.option, self.words, os.environ)
            raise UsageError(f"{place}: {error}" if place else str(error)) from error
