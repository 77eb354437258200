"""What sightings come to for a plan: the keys that KMS described, and how many secrets a project has."""

from collections.abc import Iterable, Iterator

from jobs.manifest.key_map import plain_key
from jobs.model import Scope
from jobs.plan.target_key import KeyVerdict, verdict_on
from jobs.sightings import SeenKey, Sightings
from reports.plan.lines import facts_of

_UUID_PARTS = (8, 4, 4, 4, 12)


class SeenKeys:
    """What KMS said of target keys, by any spelling of their ids."""

    def __init__(self, sightings: Sightings) -> None:
        seen = sightings.shown.keys()
        self._found = {(one.project, plain_key(one.kms_key_id)): one for one in seen}

    def judge(self, project: Scope, kms_key_id: str) -> KeyVerdict:
        """Whether a key can take secrets."""
        return self.both(project, kms_key_id)[1]

    def both(self, project: Scope, kms_key_id: str) -> tuple[SeenKey | None, KeyVerdict]:
        """What was seen, and what it comes to."""
        seen = self._found.get((project, plain_key(kms_key_id)))
        return seen, verdict_on(None if seen is None else facts_of(seen))


def described(key_ids: Iterable[str]) -> tuple[str, ...]:
    """Key ids as KMS takes them, each key once: hexadecimal digits alone get their dashes."""
    return tuple({plain_key(one): _dashed(one) for one in key_ids}.values())


def secrets_by_project(sightings: Sightings) -> dict[Scope, int]:
    """How many secrets each project was seen to have."""
    counted = sightings.shown.query(
        "SELECT p.endpoint, p.project_id, p.region, COUNT(*) FROM secret s JOIN project p ON p.id = s.project"
        " WHERE s.missing = 0 AND s.trouble IS NULL GROUP BY p.id"
    )
    return {Scope(endpoint=endpoint, project_id=one, region=region): count for endpoint, one, region, count in counted}


def _dashed(kms_key_id: str) -> str:
    digits = plain_key(kms_key_id)
    if "-" in kms_key_id or len(digits) != sum(_UUID_PARTS):
        return kms_key_id
    return "-".join(_cut(digits))


def _cut(digits: str) -> Iterator[str]:
    at = 0
    for length in _UUID_PARTS:
        yield digits[at : at + length]
        at += length
