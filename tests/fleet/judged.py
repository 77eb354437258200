"""What a campaign of a fleet came to, held against what the service saw."""

from collections import Counter
from collections.abc import Sequence

from tests.e2e.tool import outcomes_in
from tests.fleet.pace import sending_times, too_fast
from tests.fleet.rig import Fleet
from tests.kit.records import Record


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
    return found + too_fast(records, fleet.rate, sent_s=sending_times(fleet))


def sent_twice(records: Sequence[Record]) -> int:
    """PUTs beyond the first of each secret."""
    counts = Counter((one.project_id, one.secret_name) for one in records if one.method == "PUT")
    return sum(counts.values()) - len(counts)
