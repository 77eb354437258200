"""What a check of a manifest found, for machines: one JSON object, whose `schema` changes with its meaning."""

import json
from typing import Literal

import msgspec

from jobs.ledger.forecast import Forecast
from jobs.manifest.scopes import NOT_LOOKED_UP
from jobs.model import Group
from jobs.problem import Problem, plain


class CheckedProject(msgspec.Struct, frozen=True, kw_only=True):
    """One project and what would be sent there; without an id it is that of the job, which is not known."""

    endpoint: str
    project_id: str | None
    region: str | None
    rows: int
    puts: int
    reads: int
    lists: int


class CheckedKey(msgspec.Struct, frozen=True, kw_only=True):
    """One target key: rows that move to it, and the keys that the manifest expects before."""

    kms_key_id: str
    rows: int
    old_keys: tuple[str, ...]
    more_old_keys: int


class CheckedWave(msgspec.Struct, frozen=True, kw_only=True):
    """One wave: its rows, of which some are invalid; the name is empty for rows without a value."""

    name: str
    rows: int
    invalid: int


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """One manifest. What needs a readable file is null or empty without one: `duration_s` also where the rate has no
    number, and `project_id` where neither an option nor a login names the job's own.
    """

    schema: Literal["csms-rekey/check/2"] = "csms-rekey/check/2"
    manifest: str
    sha256: str | None
    exit_code: int
    usable: bool
    rows: int
    invalid: int
    problems: tuple[Problem, ...]
    project_id: str | None
    rows_without_project: int
    projects: tuple[CheckedProject, ...] = ()
    keys: tuple[CheckedKey, ...] = ()
    more_keys: int = 0
    puts: int = 0
    reads: int = 0
    lists: int = 0
    requests: int = 0
    rate: str
    duration_s: float | None = None
    waves: tuple[CheckedWave, ...] = ()


def with_figures(checked: Checked, forecast: Forecast) -> Checked:
    """The same with what a run would ask for."""
    projects = tuple(
        CheckedProject(
            endpoint=place.endpoint,
            project_id=None if place.project_id == NOT_LOOKED_UP else place.project_id,
            region=place.region,
            rows=place.rows,
            puts=place.puts,
            reads=place.reads,
            lists=place.lists,
        )
        for place in forecast.places
    )
    keys = tuple(
        CheckedKey(
            kms_key_id=key.kms_key_id,
            rows=key.of(Group.RUN_AGAIN),
            old_keys=key.old_keys,
            more_old_keys=key.more_old_keys,
        )
        for key in forecast.keys.keys
    )
    return msgspec.structs.replace(
        checked,
        projects=projects,
        keys=tuple(key for key in keys if key.rows),
        more_keys=forecast.keys.more,
        puts=forecast.puts,
        reads=forecast.reads,
        lists=forecast.lists,
        requests=sum(place.requests for place in forecast.places),
        duration_s=forecast.expected_s,
        waves=tuple(CheckedWave(name=one.name, rows=one.rows, invalid=one.fix_first) for one in forecast.waves),
    )


def checked_json(checked: Checked) -> str:
    """The object, one field a line; names of files are shown as everywhere, as they need not be text."""
    problems = tuple(msgspec.structs.replace(one, file=plain(one.file)) for one in checked.problems)
    told = msgspec.structs.replace(checked, manifest=plain(checked.manifest), problems=problems)
    return json.dumps(msgspec.to_builtins(told), indent=2)
