"""Turns the fields of a job into options of the command line, so that each is described in one place."""

from collections.abc import Callable
from dataclasses import field, make_dataclass
from typing import Annotated, Any, TypeVar, get_origin

import msgspec
from cyclopts import Parameter

from jobs.options import OptionField, options_in, spelled, word

T = TypeVar("T")


def with_options_of(
    part: type[msgspec.Struct], *, only: frozenset[str] | None = None, unset: str = ""
) -> Callable[[type[T]], type[T]]:
    """Gives a class every option that a part of a job has, or `only` some; None, its default, leaves that part as it
    is, and `unset` says what that comes to where it is not the part's own default.
    """

    def extended(cls: type[T]) -> type[T]:
        chosen = [one for one in options_in(part) if only is None or one.name in only]
        told = {one: _told(one, unset) for one in chosen}
        options = [(option_key(one), _given_as(one), field(default=None, metadata=told[one])) for one in chosen]
        namespace = {"__module__": cls.__module__, "__doc__": cls.__doc__}
        return make_dataclass(cls.__name__, options, bases=(cls,), namespace=namespace, frozen=True)

    return extended


def _given_as(one: OptionField) -> Any:
    if get_origin(one.kind) is tuple:
        # Without this, there would be an option to empty it as well.
        return Annotated[one.kind | None, Parameter(negative=())]
    return (str if one.parse else one.kind) | None


def option_key(one: OptionField) -> str:
    """What a class of options calls one."""
    return spelled(one.name).replace("-", "_")


def _told(one: OptionField, unset: str) -> dict[str, str]:
    default = unset or one.option.unset or ("" if one.default in {None, ()} else word(one.name, one.default))
    return {"help": f"{one.option.help} [default: {default}]" if default else one.option.help}
