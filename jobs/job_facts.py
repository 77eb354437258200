"""A job in the words of its options: what its summary says, and the command line that asks for the same again."""

import shlex
from collections.abc import Container, Iterator
from itertools import pairwise

import msgspec

from jobs.delimiter import Delimiter
from jobs.options import options_in, spelled, value_of, word
from jobs.rate import Rate
from jobs.shard import Shard, ShardBy
from jobs.spec import Auth, Before, FailureLimit, JobSpec, Limits

_LIMITS = frozenset(Limits.__struct_fields__)


class JobFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the run was asked to do when it was loaded; a resume may have overridden the limits, from `rate` on."""

    endpoint: str | None
    region: str | None
    project_id: str | None
    auth: Auth
    encoding: str
    delimiter: Delimiter | None
    only: tuple[str, ...]
    exclude: tuple[str, ...]
    limit: int | None
    before: Before
    wave_by: str | None
    shard: str | None
    shard_by: ShardBy
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
    soak_s: float
    grace_s: float


def job_facts(spec: JobSpec) -> JobFacts:
    """A job as its summary shows it: rates and limits in the words an option takes."""
    values = msgspec.structs.asdict(spec) | msgspec.structs.asdict(spec.limits)
    told = {
        name: str(value) if isinstance(value, Rate | FailureLimit | Shard) else value for name, value in values.items()
    }
    return msgspec.convert(told, JobFacts)


def options_of(job: JobFacts) -> tuple[str, ...]:
    """The command line's words for a job: every option that is not the default."""
    return changed_facts(job, job_facts(JobSpec()))


def unselecting(job: JobFacts) -> JobFacts:
    """The same for a file that holds none but rows which the job selected."""
    return msgspec.structs.replace(job, only=(), exclude=(), limit=None, shard=None, shard_by=ShardBy.PROJECT)


def rewritten(job: JobFacts, columns: Container[str]) -> JobFacts:
    """The same for a file that this program has written, with these columns."""
    job = msgspec.structs.replace(job, encoding="utf-8", delimiter=None)
    return job if job.wave_by in columns else msgspec.structs.replace(job, wave_by=None, soak_s=0.0)


def limits_of(job: JobFacts) -> tuple[str, ...]:
    """The rate, and every other limit that is not the default."""
    default = job_facts(JobSpec())
    others = {name: getattr(default, name) for name in JobFacts.__struct_fields__ if name not in _LIMITS}
    usual = msgspec.structs.replace(default, rate="")
    return changed_facts(msgspec.structs.replace(job, **others), usual)


def changed_options(now: JobSpec, was: JobSpec) -> tuple[str, ...]:
    """The command line's words for the options in which a session differs from its job."""
    return changed_facts(job_facts(now), job_facts(was))


def another_job(now: JobSpec, was: JobSpec) -> Iterator[str]:
    """In what a job is not the one before: options with other values, and those that are not given any more."""
    facts, before = job_facts(now), job_facts(was)
    fields = JobFacts.__struct_fields__
    lost = {name: getattr(before, name) for name in fields if not getattr(facts, name)}
    completed = msgspec.structs.replace(facts, **lost)
    if given := changed_facts(completed, before):
        yield " ".join(given)
    if missing := changed_facts(completed, facts):
        yield f"without {' '.join(missing)}"


def with_changes(job: JobFacts, changed: str) -> JobFacts:
    """The job with what `changed_options` says of a session; words that are not options of it change nothing."""
    known: dict[str, object] = {}
    try:
        given = {name: value for name, value in pairwise(shlex.split(changed)) if name.startswith("--")}
        for field in JobFacts.__struct_fields__:
            if (text := given.get(f"--{spelled(field)}")) is not None:
                known[field] = value_of(field, text)
        return msgspec.convert(msgspec.structs.asdict(job) | known, JobFacts, strict=False)
    except ValueError:  # also msgspec's own
        return job


def changed_facts(now: JobFacts, was: JobFacts) -> tuple[str, ...]:
    """The same for a job as its summary has it."""
    words: list[str] = []
    for name in JobFacts.__struct_fields__:
        value = getattr(now, name)
        if value is not None and value != getattr(was, name):
            words += [f"--{spelled(name)}"] if value is True else _option(name, value)
    return tuple(words)


def _option(name: str, value: object) -> list[str]:
    """An option with its value; one that may be repeated stands with each of its values."""
    values = value if isinstance(value, tuple) else (value,)
    return [part for one in values for part in (f"--{spelled(name)}", word(name, one))]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """An option that asks for something else than a job does."""

    option: str
    now: str
    was: str

    def __str__(self) -> str:
        return f"--{self.option} {self.now}, the job's is {self.was}"


def differences(stored: JobSpec, given: JobSpec) -> tuple[Difference, ...]:
    """What a job that is given asks otherwise than a stored one, option by option; limits and login do not count.

    A project that was not given, but that the login named, is the same as none.
    """
    before = stored
    if stored.project_found and given.project_id is None:
        before = msgspec.structs.replace(stored, project_id=None)
    pairs = ((one.name, getattr(before, one.name), getattr(given, one.name)) for one in options_in(JobSpec))
    return tuple(
        Difference(option=spelled(name), now=_shown(name, now), was=_shown(name, was))
        for name, was, now in pairs
        if was != now
    )


def _shown(field: str, value: object) -> str:
    return "not given" if value in {None, ()} else word(field, value)
