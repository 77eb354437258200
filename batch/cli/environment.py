"""Options from environment variables: what each is called, and which variables of this program are not options."""

import difflib
import os
from collections.abc import Collection, Iterable
from typing import Any

from cyclopts import Token

from batch.cli.options import OPTIONS
from jobs.spec import UsageError

PREFIX = "CSMS_REKEY_"
SOURCE = "environment"

NO_OPTIONS = {
    "TOKEN": "an IAM token",
    "PROXY_USER": "user at the proxy",
    "PROXY_PASSWORD": "password at the proxy",
    "METADATA_URL": "where the metadata service of a cloud server is, for tests",
    "MANIFEST": "the manifest, for a command that is given none",
    "WAVE": "which wave of a run a command is called for",
}
"""What variables without an option of their name are for."""

# Kubernetes makes these for every service of a namespace: one called csms-rekey is no mistake.
_OF_A_SERVICE = ("SERVICE_", "PORT_")
_PORT = "PORT"


def from_environment(_app: object, _commands: tuple[str, ...], arguments: Any) -> None:
    """Gives a command the options that the environment names and the command line does not; an empty one counts as
    unset, and one for another command is ignored: one environment serves all.

    Raises:
        UsageError: a variable looks like an option but names none.
    """
    given = {name: value for name, value in os.environ.items() if name.startswith(PREFIX) and value}
    refuse_unknown(given)
    for argument in arguments:
        variable = variable_of(argument.name)
        if variable in given and not argument.tokens:
            for index, value in enumerate(_values(argument, given[variable])):
                argument.append(Token(keyword=variable, value=value, source=SOURCE, index=index))


def _values(argument: Any, text: str) -> list[str]:
    """One value, or several between spaces where the command takes any number."""
    _, any_number = argument.token_count()
    return text.split() if any_number else [text]


def variable_of(option: str) -> str:
    """The variable of an option, with or without its dashes."""
    return PREFIX + option.lstrip("-").replace("-", "_").upper()


def refuse_unknown(names: Iterable[str]) -> None:
    """Makes sure that no option is misspelt.

    Raises:
        UsageError: one is.
    """
    known = {*NO_OPTIONS, *(option.upper() for option in OPTIONS)}
    for name in sorted(names):
        rest = name.removeprefix(PREFIX)
        if rest not in known and rest != _PORT and not rest.startswith(_OF_A_SERVICE):
            raise UsageError(f"{name} is not an option{nearest(rest, known, PREFIX)}")


def nearest(word: str, known: Collection[str], prefix: str = "") -> str:
    """A question that ends a refusal; nothing where no known word is like it."""
    found = difflib.get_close_matches(word, sorted(known), n=1)
    return f"; did you mean {prefix}{found[0]}?" if found else ""
