"""What is known for a plan beside its rows: who makes it, what KMS said of keys, how many secrets a project has."""

import time

from batch.cli.looking import began_at
from batch.cli.questions import PlanQuestion
from batch.cli.session_start import this_user
from batch.cli.standing import kept_standing
from batch.process.version import version
from jobs.ledger import same_key
from jobs.model import Scope
from jobs.plan.document import Plan
from jobs.plan.target_key import KeyVerdict, verdict_on
from jobs.sightings import SeenKey, Sightings
from reports.plan.lines import facts_of


class SeenKeys:
    """What KMS said of target keys, by any spelling of their ids."""

    def __init__(self, sightings: Sightings) -> None:
        seen = sightings.shown.described()
        self._found = {(one.project, same_key(one.kms_key_id)): one for one in seen}

    def judge(self, project: Scope, kms_key_id: str) -> KeyVerdict:
        """Whether a key can take secrets."""
        return self.both(project, kms_key_id)[1]

    def both(self, project: Scope, kms_key_id: str) -> tuple[SeenKey | None, KeyVerdict]:
        """What was seen, and what it comes to."""
        seen = self._found.get((project, same_key(kms_key_id)))
        return seen, verdict_on(None if seen is None else facts_of(seen))


def secrets_by_project(sightings: Sightings) -> dict[Scope, int]:
    """How many secrets each project was seen to have."""
    counted = sightings.shown.query(
        "SELECT p.endpoint, p.project_id, p.region, COUNT(*) FROM secret s JOIN project p ON p.id = s.project"
        " WHERE s.missing = 0 AND s.trouble IS NULL GROUP BY p.id"
    )
    return {Scope(endpoint=endpoint, project_id=one, region=region): count for endpoint, one, region, count in counted}


def document(question: PlanQuestion, sightings: Sightings) -> Plan:
    """The plan without its figures."""
    spec, standing = question.spec, kept_standing(sightings)
    return Plan(
        version=version(),
        started_at=began_at(sightings),
        made_at=time.time(),
        made_by=this_user(),
        login="" if standing is None else standing.login,
        source=question.source,
        endpoint=spec.endpoint,
        region=spec.region if spec.endpoint is not None else None,
        key_pattern=spec.key_pattern,
        project_pattern=spec.project_pattern,
        rows=0,
        left_out=0,
        blocked=0,
        counts=(),
        projects=(),
        keys=(),
        files=(),
        looked_with=0 if standing is None else standing.requests,
        requests=0,
        rate="",
        duration_s=None,
        exit_code=0,
        shard=None if spec.shard is None else str(spec.shard),
    )
