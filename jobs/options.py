"""What a command line says of a field of a job; it stands at the field itself, so that it is said once."""

from functools import cache
from typing import Any, NamedTuple, get_args, get_origin

import msgspec


class Option(NamedTuple):
    """Makes a field an option; `unset` says what holds without it where the field's default does not."""

    help: str
    unset: str = ""
    least: float | None = None


class OptionField(NamedTuple):
    """A field that is an option, and the type of its values; one that can `parse` is given as a text."""

    name: str
    kind: Any
    default: object
    option: Option


@cache
def options_in(part: type[msgspec.Struct]) -> tuple[OptionField, ...]:
    """The fields of a part of a job that are options."""
    return tuple(
        OptionField(one.name, _kind(one.type.__origin__), one.default, option)
        for one in msgspec.structs.fields(part)
        for option in getattr(one.type, "__metadata__", ())
    )


def _kind(annotated: Any) -> Any:
    """The type of a value that is given: without the None that stands for none."""
    return annotated if get_origin(annotated) is tuple else (*get_args(annotated), annotated)[0]


def spelled(field: str) -> str:
    """An option as it is written, without the dashes before it: the unit is not part of its name."""
    return field.removesuffix("_s").replace("_", "-")


def word(value: object) -> str:
    """A value as an option takes it."""
    if isinstance(value, tuple):
        return " ".join(map(word, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
