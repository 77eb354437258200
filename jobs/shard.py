"""Which part of a manifest one of several machines works on: whole rate keys, shared out by how long they take."""

import heapq
import re
from collections.abc import Iterable
from typing import Self

import msgspec

from jobs.model import Scope
from jobs.options import Word

_FORM = re.compile(r"([0-9]{1,6})/([0-9]{1,6})")


class Shard(msgspec.Struct, frozen=True, order=True):
    """Part `index` of `count`, the first of which is 0."""

    index: int
    count: int

    def __post_init__(self) -> None:
        """Refuses what cannot be a part, as a damaged ledger may hold it.

        Raises:
            ValueError: there is no such part.
        """
        if not 0 <= self.index < self.count:
            raise ValueError(f"there is no part {self.index} of {self.count}: the first is 0/{self.count}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads `i/n`.

        Raises:
            ValueError: it is none, or there is no such part.
        """
        match = _FORM.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"{text!r} is not a part: write i/n, the first of 8 is 0/8")
        return cls(int(match[1]), int(match[2]))

    @property
    def takes_unplaced(self) -> bool:
        """Whether rows that name no usable place belong to it."""
        return self.index == 0

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"


class ShardBy(Word):
    """What has its own rate, and so is never cut."""

    PROJECT = "project"
    ACCOUNT = "account"
    """All projects of one account at one endpoint, where the quota is that of the user."""


class RateKey(msgspec.Struct, frozen=True, kw_only=True):
    """What has its own rate, and how many requests it will take at that rate."""

    number: int
    weight: float


def keys_of(shard: Shard, keys: Iterable[RateKey]) -> frozenset[int]:
    """The numbers of the rate keys that a shard works on: each goes, the longest first, to the shard that has least to
    do so far. The same keys give the same shards on every machine.
    """
    bins = [(0.0, index) for index in range(shard.count)]
    own = set()
    for key in sorted(keys, key=lambda one: (-one.weight, one.number)):
        load, index = bins[0]
        if index == shard.index:
            own.add(key.number)
        # What takes no time is still a place to lock, to list and to report.
        heapq.heapreplace(bins, (load + max(key.weight, 1.0), index))
    return frozenset(own)


def own_places(shard: Shard, by: ShardBy, places: Iterable[tuple[Scope, float]]) -> frozenset[Scope]:
    """The places that a shard works on, of all with how many requests each will take: whole rate keys, of which those
    that come first come first where they take the same time. Places without an account are of one that has no name.
    """
    groups: dict[tuple[str, str | None], list[tuple[Scope, float]]] = {}
    for scope, weight in places:
        name = scope.account if by is ShardBy.ACCOUNT else scope.project_id
        groups.setdefault((scope.endpoint, name), []).append((scope, max(weight, 1.0)))
    found = list(groups.values())
    keys = (RateKey(number=at, weight=sum(weight for _, weight in one)) for at, one in enumerate(found))
    return frozenset(scope for at in keys_of(shard, keys) for scope, _ in found[at])
