"""A job in the words of its options: what its summary tells, and the command line that asks for the same again."""

import shlex
from itertools import pairwise

import msgspec

from jobs.options import spelled, word
from jobs.rate import Rate
from jobs.spec import Auth, FailureLimit, JobSpec, Limits

_LIMITS = frozenset(Limits.__struct_fields__)


class JobFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the run was asked to do when it was loaded; a resume may have overridden the limits, from `rate` on."""

    endpoint: str | None
    region: str | None
    project_id: str | None
    auth: Auth
    encoding: str
    strict: bool
    key_pattern: str
    project_pattern: str
    rate: str
    burst: int
    concurrency: int
    max_attempts: int
    timeout_s: float
    max_outage_s: float
    max_failures: str | None
    max_duration_s: float | None
    grace_s: float


def job_facts(spec: JobSpec) -> JobFacts:
    """A job as its summary tells it: rates and limits in the words an option takes."""
    values = msgspec.structs.asdict(spec) | msgspec.structs.asdict(spec.limits)
    told = {name: str(value) if isinstance(value, Rate | FailureLimit) else value for name, value in values.items()}
    return msgspec.convert(told, JobFacts)


def options_of(job: JobFacts) -> tuple[str, ...]:
    """The command line's words for a job: every option that is not the default."""
    return changed_facts(job, job_facts(JobSpec()))


def limits_of(job: JobFacts) -> tuple[str, ...]:
    """The rate, and every other limit that is not the default."""
    default = job_facts(JobSpec())
    others = {name: getattr(default, name) for name in JobFacts.__struct_fields__ if name not in _LIMITS}
    usual = msgspec.structs.replace(default, rate="")
    return changed_facts(msgspec.structs.replace(job, **others), usual)


def changed_options(now: JobSpec, was: JobSpec) -> tuple[str, ...]:
    """The command line's words for the options in which a session differs from its job."""
    return changed_facts(job_facts(now), job_facts(was))


def with_changes(job: JobFacts, changed: str) -> JobFacts:
    """The job with what `changed_options` says of a session; words that are no options of it change nothing."""
    words = shlex.split(changed)
    given = {name: value for name, value in pairwise(words) if name.startswith("--")}
    known = {field: given[option] for field in JobFacts.__struct_fields__ if (option := f"--{spelled(field)}") in given}
    try:
        return msgspec.convert(msgspec.structs.asdict(job) | known, JobFacts, strict=False)
    except msgspec.ValidationError:
        return job


def changed_facts(now: JobFacts, was: JobFacts) -> tuple[str, ...]:
    """The same for a job as its summary has it."""
    words: list[str] = []
    for name in JobFacts.__struct_fields__:
        value = getattr(now, name)
        if value is not None and value != getattr(was, name):
            words += [f"--{spelled(name)}"] if value is True else [f"--{spelled(name)}", word(value)]
    return tuple(words)
