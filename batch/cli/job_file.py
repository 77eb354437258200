"""Reads a job file: options of a run, one key each, in TOML."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cyclopts

from batch.cli.environment import nearest, variable_of
from batch.cli.options import OPTIONS
from batch.cli.other_tools import variable_for
from jobs.spec import UsageError

# A file names no other.
_KNOWN = {option.replace("_", "-") for option in OPTIONS - {"job"}}


def named_by_job(app: cyclopts.App, commands: tuple[str, ...], arguments: Any) -> None:
    """Gives a command the options of the file that --job names, once that and the environment are known."""
    for argument in arguments:
        if argument.name == "--job" and argument.tokens:
            options = read_job_file(Path(argument.tokens[0].value))
            # A key for another command is ignored: one file serves run, check and auth.
            file = cyclopts.config.Dict(options, use_commands_as_keys=False, allow_unknown=True, source="--job")
            file(app, commands, arguments)


def place_of(option: str, words: Sequence[str], environment: Mapping[str, str]) -> str:
    """The variable or the job file that gave an option; empty where the command line gave it, or nothing did."""
    if any(word.partition("=")[0] == f"--{option}" for word in words):
        return ""
    if environment.get(variable := variable_of(option)):
        return variable
    job = given_as("job", words, environment)
    if job and option in {key.replace("_", "-") for key in read_job_file(Path(job))}:
        return job
    return variable_for(option, environment)


def given_as(option: str, words: Sequence[str], environment: Mapping[str, str]) -> str | None:
    """What command line or environment say of an option, also where something else in them is wrong."""
    for word, following in zip(words, (*words[1:], ""), strict=True):
        name, equals, value = word.partition("=")
        if name == f"--{option}":
            # An option in its place means that the value was forgotten.
            return value if equals or following.startswith("-") else following
    return environment.get(variable_of(option))


def read_job_file(path: Path) -> dict[str, Any]:
    """The options in a job file, `max-attempts` and `max_attempts` alike; one file serves every command.

    Raises:
        UsageError: it cannot be read, is not TOML, or holds a table or a key that no command has as an option.
    """
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"--job: {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"--job: {path}: not TOML: {error}") from error
    for key, value in given.items():
        if isinstance(value, dict):
            raise UsageError(f"--job: {path}: [{key}] is a table; options stand at the top, one line each")
        if (option := key.replace("_", "-")) not in _KNOWN:
            raise UsageError(f"--job: {path}: {key} is not an option{nearest(option, _KNOWN)}")
        # No command line or variable can hold it, and no name of a file.
        if any("\0" in one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)):
            raise UsageError(f"--job: {path}: {key} holds a NUL character")
    return given
