"""Turns the fields of a job into options of the command line, so that each is described in one place."""

from collections.abc import Callable
from dataclasses import field, make_dataclass
from typing import Annotated, Any, TypeVar, get_origin

import msgspec
from cyclopts import Parameter

from jobs.options import OptionField, options_in, spelled, word

T = TypeVar("T")


def with_options_of(
    part: type[msgspec.Struct],
    *,
    only: frozenset[str] | None = None,
    shown: frozenset[str] | None = None,
    unset: str = "",
) -> Callable[[type[T]], type[T]]:
    """Gives a class every option of a part of a job, or `only` some, of which the help lists those `shown`. None, the
    default of each, leaves that part unchanged; `unset` describes what then holds, where that is not the part's own
    default.
    """

    def extended(cls: type[T]) -> type[T]:
        chosen = [one for one in options_in(part) if only is None or one.name in only]
        helps = {one: {"help": _help(one, unset)} for one in chosen}
        options = [
            (
                option_key(one),
                _given_as(one, listed=shown is None or one.name in shown),
                field(default=None, metadata=text),
            )
            for one, text in helps.items()
        ]
        namespace = {"__module__": cls.__module__, "__doc__": cls.__doc__}
        return make_dataclass(cls.__name__, options, bases=(cls,), namespace=namespace, frozen=True)

    return extended


def _given_as(one: OptionField, *, listed: bool) -> Any:
    repeated = get_origin(one.kind) is tuple
    kind: Any = (str if one.parse and not repeated else one.kind) | None
    if repeated:
        # Without this, there would also be an option that empties the list.
        kind = Annotated[kind, Parameter(negative=())]
    return kind if listed else Annotated[kind, Parameter(show=False)]


def option_key(one: OptionField) -> str:
    """What a class of options calls one."""
    return spelled(one.name).replace("-", "_")


def _help(one: OptionField, unset: str) -> str:
    default = unset or _default(one)
    return f"{one.option.help} [default: {default}]" if default else one.option.help


def _default(one: OptionField) -> str:
    """What holds without the option, where that has to be said: without a limit there is none."""
    if one.option.unset.startswith("no ") or (not one.option.unset and one.default in {None, (), False}):
        return ""
    return one.option.unset or word(one.name, one.default)
