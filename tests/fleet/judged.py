"""What a campaign of a fleet came to, held against what the service saw."""

from collections import Counter
from collections.abc import Sequence

from tests.e2e.tool import outcomes_in
from tests.fleet.rig import Fleet
from tests.kit.records import Record, busiest_window


def wrong(fleet: Fleet) -> list[str]:
    """What does not hold at the end: every row once in the merge, done, as the service saw it; no project too fast."""
    found = []
    claims = outcomes_in(fleet.out)
    if [claim.row for claim in claims] != [one.row for one in fleet.asked]:
        found.append(f"{len(claims)} rows merged of {len(fleet.asked)}, or not in order")
    if undone := [claim for claim in claims if claim.status.group.value != "done"]:
        found.append(f"{len(undone)} rows are not done, such as {undone[0]}")
    records = fleet.records()
    answered = {(one.project_id, one.secret_name) for one in records if one.method == "PUT" and one.applied}
    if missing := [one for one in fleet.asked if (one.project_id, one.secret_name) not in answered]:
        found.append(f"{len(missing)} rows were never applied")
    return found + too_fast(records, fleet.rate)


def too_fast(records: Sequence[Record], rate: int, burst: int = 1) -> list[str]:
    """Projects of which the service saw more than rate + burst requests within a second."""
    return [
        f"{most} requests in 1 s in project {project}"
        for project, most in busiest_seconds(records).items()
        if most > rate + burst
    ]


def busiest_seconds(records: Sequence[Record]) -> dict[str, int]:
    """The most requests that arrived within a second, of each project."""
    by_project: dict[str, list[Record]] = {}
    for one in records:
        if one.project_id is not None:
            by_project.setdefault(one.project_id, []).append(one)
    return {project: busiest_window(found, 1.0) for project, found in by_project.items()}


def sent_twice(records: Sequence[Record]) -> int:
    """PUTs beyond the first of each secret."""
    counts = Counter((one.project_id, one.secret_name) for one in records if one.method == "PUT")
    return sum(counts.values()) - len(counts)
