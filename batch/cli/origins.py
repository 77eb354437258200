"""Where the options of a command come from: its command line, a variable, or a job file."""

from typing import Annotated, Any

import msgspec
from cyclopts import Parameter, Token

ARGUMENT = "--origins"
"""The argument by which a command is handed the origins of all others; whatever a person gives there is replaced."""


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """One option that was given: `kind` is flag, variable or job file, `name` the flag, the variable or the file."""

    option: str
    kind: str
    name: str


class Origins(msgspec.Struct, frozen=True):
    """The options that were given, each once."""

    given: tuple[Origin, ...] = ()

    def of(self, option: str) -> Origin | None:
        """Where one was given, by its name without dashes; None: nowhere, so its default holds."""
        return next((one for one in self.given if one.option == option), None)


GivenOrigins = Annotated[Origins, Parameter(name=ARGUMENT, show=False, accepts_keys=False)]
"""How a command takes them."""
NOWHERE = Origins()


def note_origins(_app: object, _commands: tuple[str, ...], arguments: Any) -> None:
    """Hands a command the origins of its options, after every place that may name some has been read."""
    options = [argument for argument in arguments if argument.name.startswith("--") and argument.name != ARGUMENT]
    job = next((argument.tokens[0].value for argument in options if argument.name == "--job" and argument.tokens), "")
    found = Origins(tuple(_origin(argument, job) for argument in options if argument.tokens))
    for argument in arguments:
        if argument.name == ARGUMENT:
            argument.tokens[:] = [Token(keyword=ARGUMENT, implicit_value=found)]


def _origin(argument: Any, job: str) -> Origin:
    token, option = argument.tokens[0], argument.name.removeprefix("--")
    match token.source:
        case "cli":
            return Origin(option=option, kind="flag", name=token.keyword or argument.name)
        case "environment":
            return Origin(option=option, kind="variable", name=token.keyword)
        case _:
            return Origin(option=option, kind="job file", name=job)
