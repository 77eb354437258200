"""What a campaign folder holds: the names of its files, and those of them that are values."""

from collections.abc import Iterable
from typing import Annotated, NamedTuple, Self, TypeVar

import msgspec

from jobs.model import Count, Moment, StatusCount
from jobs.plan.document import Digest
from jobs.spec import JobSpec

FORMAT = 1
"""Any change of what follows raises it."""
CAMPAIGN, STOP = "campaign.json", "stop"
SOURCE, LEASE, SNAPSHOT, END, GIVEN_UP, TRY = "source", "lease", "snap", "end", "given-up", "try"
T = TypeVar("T", bound=msgspec.Struct)


class SourceFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file in `source/`, as it was put there."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z.]{1,40}$")]
    sha256: Digest
    size_bytes: Count


class Campaign(msgspec.Struct, frozen=True, kw_only=True):
    """What all machines work on, written once. It holds names of accounts and profiles, and never a credential."""

    format: int
    release: str
    id: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16}$")]
    made_at: Moment
    shards: Annotated[int, msgspec.Meta(ge=1)]
    rows: Count = 0
    """Of the manifest, valid or not."""
    spec: JobSpec
    """The job of the whole, limits included: that of a shard differs by `shard` alone."""
    manifest_name: str
    """As its user named it."""
    manifest_sha256: Digest
    """Of the rows that are run: of a plan that is another number than its `plan.json` has."""
    plan_sha256: Digest | None = None
    files: tuple[SourceFile, ...]
    """A manifest, or what a run reads of a plan."""


class Worker(msgspec.Struct, frozen=True, kw_only=True):
    """A process that works on a shard."""

    host: str
    pid: Count


class End(msgspec.Struct, frozen=True, kw_only=True):
    """The last word on a shard of a process that held its lease; there is another one when it is run again."""

    epoch: Count
    owner: Worker
    exit_code: int
    ended_at: Moment
    rows: Count = 0
    open_rows: Count = 0
    counts: tuple[StatusCount, ...] = ()
    sessions: Count = 0


class GivenUp(msgspec.Struct, frozen=True, kw_only=True):
    """A shard that is not to be tried again without being asked for, and what the last try came to."""

    tries: Count
    reason: str
    at: Moment


class Stop(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody wants everything to stop."""

    who: str
    at: Moment


class SnapshotName(NamedTuple):
    """Which snapshot of a shard it is; a later one is greater."""

    epoch: int
    number: int

    @classmethod
    def parse(cls, name: str) -> Self | None:
        """Reads the last part of its name; None for what is none."""
        stem, dot, suffix = name.partition(".")
        epoch, _, number = stem.partition("-")
        if f"{dot}{suffix}" != ".db" or not (epoch.isdecimal() and number.isdecimal()):
            return None
        return cls(int(epoch), int(number))


def source(name: str) -> str:
    """Where a file of the manifest or the plan is."""
    return f"{SOURCE}/{name}"


def lease(shard: int, epoch: int) -> str:
    """Where the lease of a shard is, for the `epoch`-th owner that it has."""
    return f"{LEASE}/{shard}/{epoch}"


def snapshot(shard: int, epoch: int, number: int) -> str:
    """Where a snapshot of its ledger is."""
    return f"{SNAPSHOT}/{shard}/{epoch}-{number}.db"


def end(shard: int) -> str:
    """Where the last word on it is."""
    return f"{END}/{shard}.json"


def given_up(shard: int) -> str:
    """Where it says that it is not tried again."""
    return f"{GIVEN_UP}/{shard}.json"


def try_mark(shard: int, key: str) -> str:
    """Where it says that a try of it has begun."""
    return f"{TRY}/{shard}/{key}"


def last_epoch(names: Iterable[str]) -> int | None:
    """The highest epoch among the names in `lease/<shard>`."""
    return max((int(name) for name in names if name.isdecimal()), default=None)


def last_snapshot(names: Iterable[str]) -> SnapshotName | None:
    """The newest of the highest epoch among the names in `snap/<shard>`."""
    return max((one for one in map(SnapshotName.parse, names) if one is not None), default=None)


def to_json(value: msgspec.Struct) -> bytes:
    """A value as its file has it."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"


class _Format(msgspec.Struct):
    format: int


def campaign_of(data: bytes) -> Campaign:
    """Reads `campaign.json`.

    Raises:
        ValueError: it is none, or one that this release can make nothing of.
    """
    found = msgspec.json.decode(data, type=_Format).format
    if found != FORMAT:
        raise ValueError(f"a campaign of format {found}, this release reads {FORMAT}")
    return msgspec.json.decode(data, type=Campaign)


def read(data: bytes | None, kind: type[T]) -> T | None:
    """Reads any of the others; None where there is none, or where it is not whole, as a file may be that is just being
    made in a folder of an odd file system.
    """
    if data is None:
        return None
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
