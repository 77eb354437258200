"""What a command line says of a field of a job; it stands at the field itself, so that it is said once."""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple, get_args, get_origin

import msgspec

from jobs.duration import duration_text, parse_duration

_SECONDS = "_s"
"""How the names of fields end that hold a time span."""


class Option(NamedTuple):
    """Makes a field an option; `unset` says what holds without it where the field's default does not."""

    help: str
    unset: str = ""
    least: float | None = None


class OptionField(NamedTuple):
    """A field that is an option, and the type of its values."""

    name: str
    kind: Any
    default: object
    option: Option

    @property
    def parse(self) -> Callable[[str], Any] | None:
        """Makes a value of a text, where a text is what the option takes."""
        return parse_duration if self.name.endswith(_SECONDS) else getattr(self.kind, "parse", None)


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
    """An option's spelling, without the dashes before it: the unit is not part of its name."""
    return field.removesuffix(_SECONDS).replace("_", "-")


def value_of(field: str, text: str) -> object:
    """What `word` wrote, as far as that needs no type: a time span in seconds, anything else as its text.

    Raises:
        ValueError: it is not a time span.
    """
    return parse_duration(text) if field.endswith(_SECONDS) else text


def word(field: str, value: object) -> str:
    """A value as the option of that field takes it."""
    if isinstance(value, tuple):
        return " ".join(word(field, one) for one in value)
    return duration_text(value) if field.endswith(_SECONDS) and isinstance(value, float | int) else str(value)
