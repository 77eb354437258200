"""What a controller sees of a campaign, and what it wants to be done: values."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec


class Submit(msgspec.Struct, frozen=True, kw_only=True):
    """Hand a shard out, for the `number`-th time, if possible to none of the workers to `avoid`."""

    shard: int
    number: int
    avoid: frozenset[str] = frozenset()


class GiveUp(msgspec.Struct, frozen=True, kw_only=True):
    """Do not try a shard again, and say why."""

    shard: int
    tries: int
    reason: str


class Say(msgspec.Struct, frozen=True, kw_only=True):
    """Tell the person; of a `shard`, if it is about one."""

    words: str
    shard: int | None = None


class Leave(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing more can be done now, and why."""

    reason: str


Action = Submit | GiveUp | Say | Leave


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """How long to wait at most: for a lease that stands still, for a process that was begun to take one, for what is
    away for the moment, and for processes that were asked to stop.
    """

    still_s: float
    start_s: float
    outage_s: float
    stop_s: float


class Beat(msgspec.Struct, frozen=True, kw_only=True):
    """What a lease shows of its owner: it changes as long as that lives."""

    epoch: int
    counter: int
    released: bool


class Try(NamedTuple):
    """One try of a shard."""

    shard: int
    number: int


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One look: the workers and how many tasks each runs at a time, which of them has which try, and the leases."""

    workers: Mapping[str, int]
    running: Mapping[Try, str]
    beats: Mapping[int, Beat]
