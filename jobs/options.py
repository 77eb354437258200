"""What a command line says of a field of a job; it stands at the field itself, so that it is said once."""

from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple, get_args

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
        OptionField(one.name, (*get_args(one.type.__origin__), one.type.__origin__)[0], one.default, option)
        for one in msgspec.structs.fields(part)
        for option in getattr(one.type, "__metadata__", ())
    )


def spelled(field: str) -> str:
    """An option as it is written, without the dashes before it: the unit is not part of its name."""
    return field.removesuffix("_s").replace("_", "-")


def word(value: object) -> str:
    """A value as an option takes it."""
    return numeral(value) if isinstance(value, float) else str(value)


def numeral(value: float) -> str:
    """A number in as few digits as read back as the same one, without an exponent: `10`, `0.5`, `1000000`."""
    digits = f"{Decimal(repr(value)):f}"
    return digits.removesuffix(".0")
