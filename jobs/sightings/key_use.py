"""Which secrets and versions use a key, and what was not seen of their projects, by all that a command has seen."""

import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from jobs.ledger import same_key
from jobs.model import Scope
from jobs.retirement import Gap, GapKind, KeyFacts, KeyUse, Use, key_to_ask, use_of
from jobs.sightings.reading import Shown
from jobs.sightings.rows import place
from jobs.sightings.values import SeenProject

_SAMPLES = 3

# As `same_key` has it. What a read did not find is gone, and with it its versions.
_SAME = "lower(replace({}, '-', ''))"
_PLACE = "p.endpoint, p.project_id, p.region, p.account"
_STATE = """s.auto_rotation, s.pending_deletion, s.frozen,
    (SELECT owner FROM owner o WHERE o.project = s.project AND o.name = s.name)"""
_USES = f"""SELECT {_PLACE}, s.name AS name, '' AS version, '[]', s.kms_key_id, NULL AS created, {_STATE}, 0 AS kind
    FROM secret s JOIN project p ON p.id = s.project WHERE s.missing = 0 AND {_SAME.format("s.kms_key_id")} IN (%s)
    UNION ALL
    SELECT {_PLACE}, v.secret_name, v.version_id, v.stages, v.kms_key_id, v.created_s, {_STATE}, 1
    FROM version v JOIN project p ON p.id = v.project
    JOIN secret s ON s.project = v.project AND s.name = v.secret_name
    WHERE s.missing = 0 AND {_SAME.format("v.kms_key_id")} IN (%s)
    ORDER BY 1, 2, name, kind, created, version"""  # noqa: S608 - its own text, and places for values

# The last list of a project is the one that counts: it is begun before the last versions are read and asked for after
# them, and what it does not show is read by its name.
_LAST = "(SELECT MAX(number) FROM list l WHERE l.project = p.id)"
_UNLISTED = f"""SELECT p.endpoint, p.project_id, p.region, NULL, l.trouble FROM project p
    LEFT JOIN list l ON l.project = p.id AND l.number = {_LAST}
    WHERE COALESCE(l.whole, 0) = 0 AND p.stopped IS NULL
    UNION ALL
    SELECT p.endpoint, p.project_id, p.region, NULL, l.trouble FROM project p JOIN list l ON l.project = p.id
    WHERE l.trouble IS NOT NULL AND l.number < {_LAST} ORDER BY 1, 2"""  # noqa: S608 - its own text
_SECRETS = """SELECT p.endpoint, p.project_id, p.region, s.name, {} FROM secret s JOIN project p ON p.id = s.project
    WHERE s.missing = 0 AND {} ORDER BY p.endpoint, p.project_id, s.name"""
_LISTED = f"EXISTS (SELECT 1 FROM list l WHERE l.project = p.id AND l.number = {_LAST} AND l.whole)"  # noqa: S608 - the same
_NO_VERSION = "NOT EXISTS (SELECT 1 FROM version v WHERE v.project = s.project AND v.secret_name = s.name)"
_KEYLESS = """EXISTS (SELECT 1 FROM version v WHERE v.project = s.project AND v.secret_name = s.name
    AND v.kms_key_id = '')"""
_ASKED_IN_VAIN = """SELECT DISTINCT p.endpoint, p.project_id, p.region, w.name, p.reads_trouble FROM wanted w
    JOIN project p ON p.id = w.project LEFT JOIN secret s ON s.project = w.project AND s.name = w.name
    WHERE s.name IS NULL ORDER BY p.endpoint, p.project_id, w.name"""
_GAPS = (
    (GapKind.LIST, _UNLISTED),
    (
        GapKind.HIDDEN,
        _SECRETS.format("NULL", f"(s.how = 'read' OR s.listed < {_LAST}) AND s.trouble IS NULL AND {_LISTED}"),
    ),
    (GapKind.SECRET, _SECRETS.format("s.trouble", "s.trouble IS NOT NULL")),
    (GapKind.SECRET, _ASKED_IN_VAIN),
    (
        GapKind.VERSIONS,
        _SECRETS.format("COALESCE(s.versions_trouble, p.versions_trouble)", "s.trouble IS NULL AND s.versions = 0"),
    ),
    (
        GapKind.VERSIONS,
        _SECRETS.format("'the service shows none'", f"s.trouble IS NULL AND s.versions = 1 AND {_NO_VERSION}"),
    ),
    (GapKind.NO_KEY, _SECRETS.format("NULL", f"s.trouble IS NULL AND (s.kms_key_id = '' OR {_KEYLESS})")),
)
_TOTALS = """SELECT p.endpoint, p.project_id, p.region,
    (SELECT COUNT(*) FROM secret s WHERE s.project = p.id AND s.missing = 0 AND s.trouble IS NULL),
    (SELECT COUNT(*) FROM version v WHERE v.project = p.id AND NOT EXISTS
        (SELECT 1 FROM secret s WHERE s.project = p.id AND s.name = v.secret_name AND s.missing = 1))
    FROM project p ORDER BY p.endpoint, p.project_id"""


class Total(NamedTuple):
    """How many secrets and versions of a project were seen."""

    project: Scope
    secrets: int
    versions: int


def key_uses(shown: Shown, key_ids: Sequence[str]) -> Iterator[KeyUse]:
    """Every use of the keys that was seen, by project and name; of a secret the pointer first, then its versions, the
    oldest first.
    """
    keys = tuple(map(same_key, key_ids))
    marks = ", ".join("?" * len(keys))
    for values in shown.query(_USES % (marks, marks), keys * 2):
        *where, account, name, version, stages, key, created_s, rotating, pending, frozen, owner, kind = values
        held = tuple(json.loads(stages))
        yield KeyUse(
            project=place(*where),
            account=account,
            secret_name=name,
            kms_key_id=key,
            use=use_of(held) if kind else Use.POINTER,
            version_id=version,
            stages=held,
            created_s=created_s,
            owner=owner or "",
            rotating=bool(rotating),
            pending_deletion=bool(pending),
            frozen=bool(frozen),
        )


def gaps(shown: Shown) -> tuple[Gap, ...]:
    """Everything that was not seen of the projects, one entry for each project and kind."""
    found = [*_stopped(shown.projects())]
    for kind, statement in _GAPS:
        found += (
            _gap(place(*where), kind, of_project)
            for where, of_project in groupby(shown.query(statement), key=lambda values: values[:3])
        )
    return tuple(sorted(found, key=lambda one: (one.project.endpoint, one.project.project_id)))


def totals(shown: Shown) -> tuple[Total, ...]:
    """What was seen of each project."""
    return tuple(Total(place(*where), secrets, versions) for *where, secrets, versions in shown.query(_TOTALS))


def key_facts(shown: Shown, key_id: str) -> tuple[KeyFacts, ...]:
    """What KMS says of a key, in each project that was asked."""
    asked = key_to_ask(key_id)
    return tuple(
        KeyFacts(
            project=one.project,
            kms_key_id=key_id,
            state=one.state,
            alias=one.alias,
            default=one.default,
            absent=one.absent,
            trouble=one.trouble,
        )
        for one in shown.described()
        if one.kms_key_id == asked
    )


def _stopped(projects: Iterator[SeenProject]) -> Iterator[Gap]:
    for one in projects:
        if one.stopped is not None:
            yield Gap(project=one.scope, kind=GapKind.PROJECT, reason=one.stopped)


def _gap(project: Scope, kind: GapKind, found: Iterator[tuple[Any, ...]]) -> Gap:
    count, reason = 0, None
    samples: list[str] = []
    for *_, name, trouble in found:
        count += name is not None
        reason = reason or trouble
        if name is not None and len(samples) < _SAMPLES:
            samples.append(name)
    return Gap(project=project, kind=kind, secrets=count, samples=tuple(samples), reason=reason or "")
