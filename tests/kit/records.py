"""Reads a sandbox's journal: its events put together into one record a request, from memory or from the file."""

import bisect
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from batch.sandbox.events import Arrived, Ended, Event, Landed, VersionMade
from batch.sandbox.journal import Journal


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of one request.

    `status` and `answered_whole` are what was sent, not what the client got to read; `ended_s` is None for a request
    that was open when the journal stopped. `applied` counts a late landing too, `landed_s` tells it apart.
    """

    n: int
    at_s: float
    ended_s: float | None
    open: int
    method: str
    target: str
    project_id: str | None
    secret_name: str | None
    kms_key_id: str | None
    applied: bool
    fault: str | None
    lands_at_s: float | None
    landed_s: float | None
    status: int | None
    answered_whole: bool
    request_id: str | None


_decode = msgspec.json.Decoder(Event).decode


def merge(events: Iterable[Event]) -> tuple[Record, ...]:
    """One record for each request that arrived, in the order they did."""
    arrived: dict[int, Arrived] = {}
    ended: dict[int, Ended] = {}
    landed: dict[int, Landed] = {}
    for event in events:
        match event:
            case Arrived(n=n):
                arrived[n] = event
            case Ended(n=n):
                ended[n] = event
            case Landed(n=n):
                landed[n] = event
            case _:
                pass
    return tuple(_record(one, ended.get(n), landed.get(n)) for n, one in sorted(arrived.items()))


def records_of(journal: Journal) -> tuple[Record, ...]:
    """Every request so far, in the order they arrived."""
    return merge(journal.events)


def versions_made(journal: Journal) -> tuple[VersionMade, ...]:
    """The versions that others made so far, in the order they did."""
    return tuple(event for event in journal.events if isinstance(event, VersionMade))


def read_journal(path: Path) -> tuple[Record, ...]:
    """The records of a journal's file, also while it is being written: a line without its end is left out.

    Raises:
        OSError: the file cannot be read.
        msgspec.DecodeError: a line of it is not a journal's.
    """
    lines = path.read_bytes().split(b"\n")
    return merge(_decode(line) for line in lines[:-1])


def busiest_window(records: Sequence[Record], window_s: float) -> int:
    """The most requests that arrived in any stretch of time from t up to, not including, t + `window_s`."""
    times = sorted(record.at_s for record in records)
    return max((bisect.bisect_left(times, start + window_s) - index for index, start in enumerate(times)), default=0)


def _record(one: Arrived, end: Ended | None, landing: Landed | None) -> Record:
    return Record(
        n=one.n,
        at_s=one.at_s,
        ended_s=None if end is None else end.at_s,
        open=one.open,
        method=one.method,
        target=one.target,
        project_id=one.project_id,
        secret_name=one.secret_name,
        kms_key_id=one.kms_key_id,
        applied=one.applied or (landing is not None and landing.applied),
        fault=one.fault,
        lands_at_s=one.lands_at_s,
        landed_s=None if landing is None else landing.at_s,
        status=None if end is None else end.status,
        answered_whole=end is not None and end.whole,
        request_id=one.request_id,
    )
