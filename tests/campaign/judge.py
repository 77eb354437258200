"""Holds what the commands of a campaign wrote against the world as it was at their requests."""

import csv
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jobs.ledger import same_key
from jobs.model import Group, Status
from jobs.plan.action import Action
from tests.campaign.world import Moment, Watched
from tests.inventory.test_retirement import begins_last_list
from tests.kit.records import Record
from tests.oracle import Asked, Claim
from tests.oracle.case import Place

Row = Mapping[str, str]
_BACK = frozenset({Status.UPDATED, Status.VERIFIED, Status.UNKNOWN})
_CHANGES_BACK = ("secret_name", "kms_key_id", "expected_kms_key_id", "project_id", "region")


def table(path: Path) -> list[Row]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@dataclass(slots=True, kw_only=True)
class Look:
    """What was asked for one result, over all sessions; `calm` means that nothing changed and nothing failed."""

    folder: Path
    watched: Watched
    records: Sequence[Record]
    calm: bool = False

    def seen(self, place: Place) -> list[Moment]:
        """The world at each request that could show a secret."""
        return [
            self.watched.moments[one.n - 1]
            for one in self.records
            if one.project_id == place[0] and one.method == "GET" and one.secret_name in {None, place[1]}
        ]

    def moments(self) -> list[Moment]:
        return [self.watched.moments[one.n - 1] for one in self.records]

    def only_reads(self) -> Iterator[str]:
        """Whatever only looks changes nothing."""
        yield from (f"a look sent {one.method} {one.target}" for one in self.records if one.method == "PUT")


def planned(look: Look, code: int, *, leave: Sequence[str] = (), asked: Sequence[Asked] = ()) -> Iterator[str]:
    """A plan: each row shows the key that its secret had, all that were on an old key are there, and the sums are those
    of the rows. `leave` are the old keys, or `asked` the rows of the manifest.
    """
    yield from look.only_reads()
    preview, plan = table(look.folder / "preview.csv"), json.loads((look.folder / "plan.json").read_bytes())
    for row in preview:
        yield from _planned_row(look, row)
    counts = Counter(row["action"] for row in preview if row["row"] and row["action"])
    if counts != {one["action"]: one["rows"] for one in plan["counts"]}:
        yield f"plan: its counts are {plan['counts']}, its rows {dict(counts)}"
    runs = [row for row in preview if row["row"] and row["action"] and Action(row["action"]).runs]
    lines = [(row["secret_name"], row["kms_key_id"], row["current_kms_key_id"]) for row in runs]
    manifest = table(look.folder / "manifest.csv")
    if lines != [(row["secret_name"], row["kms_key_id"], row["expected_kms_key_id"]) for row in manifest]:
        yield "plan: manifest.csv has other rows than preview.csv"
    if asked and [row["secret_name"] for row in preview] != [one.secret_name for one in asked]:
        yield "plan: not the rows of its manifest"
    rows = {(row["project_id"], row["secret_name"]) for row in preview}
    if code != 3:
        yield from _forgotten(look, rows, leave, plan)
    if look.calm and code == 3:
        yield "plan: it could not look at everything, though nothing was wrong"


def _planned_row(look: Look, row: Row) -> Iterator[str]:
    place = (row["project_id"], row["secret_name"])
    seen, key = look.seen(place), row["current_kms_key_id"]
    match row["action"]:
        case "" | "invalid":
            return
        case "unread":
            if look.calm:
                yield f"plan: {place} is unread, though nothing was wrong"
        case "missing":
            if all(place in one.keys for one in seen):
                yield f"plan: {place} is missing, and it was there at each request that could show it"
        case action:
            if not any(place in one.keys and same_key(one.keys[place]) == same_key(key) for one in seen):
                yield f"plan: {place} is {action} from {key}, and it never showed that"
            if action == "blocked" and not any(place in one.still for one in seen):
                yield f"plan: {place} is blocked, and it never was"
            if (action == "unchanged") != (same_key(key) == same_key(row["kms_key_id"])) and action != "blocked":
                yield f"plan: {place} is {action} from {key} to {row['kms_key_id']}"


def _forgotten(look: Look, rows: set[Place], leave: Sequence[str], plan: Mapping[str, object]) -> Iterator[str]:
    """Secrets that were on an old key all the time, and not hidden, are rows, or listed as what no row is about."""
    projects = {one["project_id"] for one in plan["projects"]}  # type: ignore[attr-defined] # as JSON has it
    listed = rows | {(row["project_id"], row["secret_name"]) for row in table(look.folder / "uncovered.csv")}
    moments, old = look.moments(), {same_key(key) for key in leave}
    if not moments:
        return
    for place in moments[0].keys:
        on_old = all(same_key(one.keys.get(place, "")) in old for one in moments)
        shown = not any(place in one.hidden for one in moments)
        if place[0] in projects and on_old and shown and place not in listed:
            yield f"plan: {place} was on an old key all the time and is not there"


def verified(look: Look, asked: Sequence[Asked], code: int) -> Iterator[str]:
    """A verification: each row once, in order, and each result was true at a request that could show it."""
    yield from look.only_reads()
    rows, results = table(look.folder / "verify.csv"), Counter[str]()
    if [(row["row"], row["secret_name"], row["kms_key_id"]) for row in rows] != [
        (str(one.row), one.secret_name, one.kms_key_id) for one in asked
    ]:
        yield "verify: not the rows of its run"
    for row in rows:
        result = row["result"].partition(" ")[0]
        results[result] += 1
        if (flaw := _flaw_of_result(look, row, result)) is not None:
            yield f"verify: {row['project_id']} {row['secret_name']} {result}, and {flaw}"
    due = 3 if results["unread"] else 1 if results["moved"] or results["missing"] else 0
    if code != due and not (code == 1 and due == 0 and results["not_asked"]):
        yield f"verify: exit {code}, due {due}: {dict(results)}"


def _flaw_of_result(look: Look, row: Row, result: str) -> str | None:
    place, shown = (row["project_id"], row["secret_name"]), row["shown_kms_key_id"]
    keys = [one.keys.get(place) for one in look.seen(place)]
    match result:
        case "holds" | "moved":
            true = (same_key(shown) == same_key(row["kms_key_id"])) == (result == "holds")
            true = true and any(same_key(one or "") == same_key(shown) for one in keys)
            return None if true else f"it never showed {shown}"
        case "missing":
            return None if None in keys else "it was there"
        case "unread":
            return "nothing was wrong" if look.calm else None
        case _:
            return None if result == "not_asked" else "there is no such result"


def retired(look: Look, code: int, *, known: frozenset[Place]) -> Iterator[str]:
    """A retirement: a use was there at a request that could show it; free only where nothing needed the key when the
    last list of each project began. What no list shows can be seen only where it is `known` to a run.
    """
    yield from look.only_reads()
    found = json.loads((look.folder / "retire.json").read_bytes())
    projects = [one["project_id"] for one in found["projects"]]
    for row in table(look.folder / "key-use.csv"):
        place, key = (row["project_id"], row["secret_name"]), same_key(row["version_kms_key_id"])
        shown = [{same_key(one) for one in moment.needs.get(place, ())} for moment in look.seen(place)]
        if not any(key in one for one in shown):
            yield f"retire: {place} needs {key} as {row['use']}, and it never did"
    if {"free": 0, "needed": 1, "incomplete": 3}[found["verdict"]] != code:
        yield f"retire: {found['verdict']}, and exit {code}"
    for key in found["keys"]:
        yield from _verdict(look, key["verdict"], same_key(key["kms_key_id"]), projects, known=known)


def _verdict(look: Look, verdict: str, key: str, projects: Sequence[str], *, known: frozenset[Place]) -> Iterator[str]:
    if verdict == "free":
        # What was deleted while the last list was read is rightly read as gone.
        left = look.moments()[-1].keys.keys()
        for project in projects:
            last = look.watched.moments[begins_last_list(look.records, project) - 1]
            unseen = last.hidden - known
            if needing := {place for place in (_needing(last, key) - unseen) & left if place[0] == project}:
                yield f"retire: {key} is free, and {sorted(needing)[:3]} needed it when the last list began"
            if hides := {place for place in last.hidden & known & last.keys.keys() & left if place[0] == project}:
                yield f"retire: {key} is free, and the list hid {sorted(hides)[:3]}, that a run knows"
    if not look.calm:
        return
    now = look.moments()[-1]
    needing = {place for place in _needing(now, key) if place[0] in projects}
    if (verdict == "needed") < bool(needing - now.hidden) or (verdict == "needed" and not needing):
        yield f"retire: {key} is {verdict}, and {sorted(needing)[:3]} need it, though nothing was wrong"
    if verdict == "incomplete" and not any(place[0] in projects for place in now.hidden):
        yield f"retire: {key} is {verdict}, though nothing was wrong or hidden"


def _needing(moment: Moment, key: str) -> frozenset[Place]:
    return frozenset(place for place, keys in moment.needs.items() if key in map(same_key, keys))


def calmly(asked: Sequence[Asked], claims: Sequence[Claim], then: Moment) -> Iterator[str]:
    """A run that expects keys, while nothing else changes and nothing fails: each row is done, or says what is in its
    way, and every one that was changed knows its key before. `then` is the world when it began.
    """
    for row, claim in zip(asked, claims, strict=True):
        key, expected = then.keys.get(row.place), row.expected_kms_key_id
        if not row.selected or expected is None:
            continue
        there = key is not None and same_key(key) == same_key(row.kms_key_id)
        # Somebody may have put it on the key of another project, which can be left but not returned to.
        usable = (row.project_id, row.kms_key_id) in then.usable
        ready = there or (key is not None and same_key(key) == same_key(expected) and usable)
        done = claim.status.group is Group.DONE
        if done != ready and row.place not in then.still:
            yield f"row {row.row}: {claim.status} from {key}, where {expected} was expected, and nothing was wrong"
        if claim.status is Status.UPDATED and claim.before_kms_key_id != key:
            yield f"I21 row {row.row}: {claim.before_kms_key_id} before, and {key} was shown"


def led_back(back: Path, asked: Sequence[Asked], claims: Sequence[Claim], code: int) -> Iterator[str]:
    """A way back: exactly the rows that the run changed, or may have, from keys that are known; all others are listed
    beside it.
    """
    due = [
        (one.secret_name, one.before_kms_key_id, one.kms_key_id, row.project_id, "")
        for row, one in zip(asked, claims, strict=True)
        if row.selected
        and one.status in _BACK
        and one.before_kms_key_id is not None
        and same_key(one.before_kms_key_id) != same_key(one.kms_key_id)
    ]
    found = [tuple(row[name] for name in _CHANGES_BACK) for row in table(back)]
    if found != due:
        yield f"rollback: {sorted(set(found) ^ set(due))[:3]} too much or missing, of {len(due)} rows"
    others = table(back.with_name(f"{back.name}.left-out.csv"))
    if len(others) + len(found) != len(asked):
        yield f"rollback: {len(found)} rows back and {len(others)} left out, of {len(asked)}"
    stuck = any(
        row.selected and one.status in _BACK and one.before_kms_key_id is None
        for row, one in zip(asked, claims, strict=True)
    )
    if code != int(stuck):
        yield f"rollback: exit {code}, stuck {stuck}"
