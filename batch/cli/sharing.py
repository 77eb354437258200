"""Which of the projects that a command looks at are those of its shard, and by what its shards know each other."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
from msgspec.structs import replace

from batch.cli.run_to_look_at import projects_of
from jobs.ledger import Ledger, LedgerError
from jobs.ledger.record import JobRecord
from jobs.model import Scope
from jobs.shard import own_places
from jobs.sightings import Sightings
from jobs.sightings.schema import MEND
from jobs.spec import JobSpec

_KEY = "whole"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunShare:
    """What is asked about of a run: its `own` projects by id and region, of the `whole` as far as that is known."""

    spec: JobSpec
    own: dict[tuple[str, str], Scope]
    sha256: str | None
    whole: tuple[Scope, ...] = ()


def share_of(spec: JobSpec, places: Sequence[Scope], weights: Mapping[Scope, float] | None = None) -> tuple[Scope, ...]:
    """Those of the job's shard, in their order; all of them where it has none. Without `weights`, which are not known
    before the secrets are listed, the projects are dealt out in turn, by endpoint and id.
    """
    if spec.shard is None:
        return tuple(places)
    weighed = weights or {}
    own = own_places(spec.shard, spec.shard_by, ((one, weighed.get(one, 1.0)) for one in _in_order(places)))
    return tuple(one for one in places if one in own)


def sum_of(spec: JobSpec, places: Sequence[Scope]) -> str | None:
    """What a shard and all others of the same projects are known by; None where there are no shards."""
    if spec.shard is None:
        return None
    return hashlib.sha256("".join(f"{_line(one)}\n" for one in _in_order(places)).encode()).hexdigest()


def keep_whole(sightings: Sightings, spec: JobSpec, places: Sequence[Scope]) -> None:
    """Keeps all the projects with the sightings of a shard, so that those of one that is missing can be named."""
    if spec.shard is not None:
        sightings.keep(_KEY, msgspec.json.encode(places).decode())


def kept_whole(sightings: Sightings) -> tuple[Scope, ...]:
    """All the projects that were shared out; none where only a manifest says which they are.

    Raises:
        LedgerError: this release can make nothing of them.
    """
    if (text := sightings.kept(_KEY)) is None:
        return ()
    try:
        return msgspec.json.decode(text, type=tuple[Scope, ...])
    except msgspec.DecodeError as error:
        raise LedgerError(sightings.path, f"its projects cannot be read: {error}: {MEND}") from error


def share_of_run(ledger: Ledger, record: JobRecord, spec: JobSpec) -> RunShare:
    """Those projects of a run that are asked about, by how many rows they have; a run that is a shard itself has no
    others.
    """
    places = projects_of(ledger)
    if record.spec.shard is not None:
        return RunShare(spec=record.spec, own=places, sha256=record.manifest.sha256)
    rows = {(one.endpoint, one.project_id): float(one.rows) for one in ledger.told.scopes()}
    whose = {(one.scope.endpoint, one.scope.project_id): one.scope.account for one in ledger.told.accounts()}
    asked = {replace(one, account=whose.get(_at(one))): rows.get(_at(one), 0.0) for one in places.values()}
    own = {_at(one) for one in share_of(spec, tuple(asked), asked)}
    return RunShare(
        spec=spec,
        own={key: one for key, one in places.items() if _at(one) in own},
        whole=tuple(places.values()),
        sha256=sum_of(spec, tuple(places.values())),
    )


def _at(place: Scope) -> tuple[str, str]:
    return place.endpoint, place.project_id


def _in_order(places: Sequence[Scope]) -> list[Scope]:
    return sorted(places, key=_line)


def _line(place: Scope) -> str:
    return f"{place.endpoint} {place.project_id}"
