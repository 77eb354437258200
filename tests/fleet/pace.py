"""How fast requests were sent to each project, by the log of the service and by the clocks of those who sent them."""

import bisect
import csv
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from batch.sandbox.events import Opened
from tests.fleet.rig import Fleet
from tests.kit.records import Record, busiest_window

MOST_LATE_S = 0.25
"""A service on a busy core reads a request later than it came; what is later than this has another reason."""
Place = tuple[str | None, str | None]


def too_fast(
    records: Sequence[Record], rate: int, burst: int = 1, sent_s: Mapping[Place, float] | None = None
) -> list[str]:
    """Projects of which the service saw more than rate + burst requests within a second. Where it is known when some
    were sent, it is held against that: no run is faster because the service reads late and then catches up.
    """
    found = []
    late_of = dict(zip((one.n for one in records), _late_s(records, sent_s or {}), strict=True))
    for project, own in _by_project(records).items():
        times = [one.at_s for one in own]
        late_s = [late_of[one.n] for one in own]
        most = 0
        for first, at in enumerate(times):
            end = bisect.bisect_left(times, at + 1.0)
            if end - first > rate + burst and end - first > rate * (1 + max(late_s[first:end])) + burst:
                most = max(most, end - first)
        if most:
            found.append(f"{most} requests in 1 s in project {project}")
    return found


def busiest_second(records: Sequence[Record], sent_s: Mapping[Place, float] | None = None) -> int:
    """The most requests of any project within a second: as the service read them, or as they were sent."""
    late_s = _late_s(records, sent_s or {})
    sent = [msgspec.structs.replace(one, at_s=one.at_s - late) for one, late in zip(records, late_s, strict=True)]
    return max(busiest_window(own, 1.0) for own in _by_project(sent).values())


def sending_times(fleet: Fleet) -> dict[Place, float]:
    """When the last PUT of each secret was sent, in seconds of the service's log: all run on one machine's clock."""
    outcomes = fleet.out / "outcomes.csv"
    if not outcomes.exists():
        return {}
    with fleet.log.open("rb") as log:
        began_s = msgspec.json.decode(log.readline(), type=Opened).epoch_s
    with outcomes.open(newline="", encoding="utf-8") as file:
        return {
            (line["project_id"], line["secret_name"]): datetime.fromisoformat(line["started_at"]).timestamp() - began_s
            for line in csv.DictReader(file)
            if line["started_at"]
        }


def _late_s(records: Sequence[Record], sent_s: Mapping[Place, float]) -> list[float]:
    """How much later than most each was read; of one that is not the one known, such as a read, nothing is known. The
    clock of the service differs from that of the senders by what nearly all have in common.
    """
    after_s = [
        one.at_s - sent_s[place] if one.method == "PUT" and place in sent_s else None
        for one in records
        for place in [(one.project_id, one.secret_name)]
    ]
    known = sorted(one for one in after_s if one is not None)
    usual_s = known[len(known) // 10] if known else 0.0
    return [0.0 if one is None else min(max(0.0, one - usual_s), MOST_LATE_S) for one in after_s]


def _by_project(records: Sequence[Record]) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = {}
    for one in sorted(records, key=lambda one: one.at_s):
        if one.project_id is not None:
            found.setdefault(one.project_id, []).append(one)
    return found
