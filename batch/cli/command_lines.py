"""Commands of this tool in the words that a person types."""

import shlex
from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import replace

from jobs.job_facts import job_facts, options_of
from jobs.printable import printable
from jobs.rate import Rate
from jobs.spec import JobSpec


def command_line(*words: str) -> str:
    """A command of this tool as a person types it."""
    return shlex.join(("csms-rekey", *map(printable, words)))


def login_options(spec: JobSpec) -> Iterator[str]:
    """Yields the options that say which login of its kind a job takes."""
    agency, accounts = spec.agency, spec.accounts
    named = (
        ("--profile", spec.profile),
        ("--agency", agency and agency.name),
        ("--agency-domain", agency and agency.domain),
        ("--accounts", accounts and accounts.path),
    )
    yield from (word for option, value in named if value for word in (option, value))


def options_of_run(plan: JobSpec, rate: Rate) -> tuple[str, ...]:
    """What a plan leaves to its run: the limits and the login that it was made with."""
    left = JobSpec(limits=replace(plan.limits, rate=rate), auth=plan.auth)
    return (*options_of(job_facts(left)), *login_options(plan))


def resume_command(folder: Path) -> str:
    """The command that continues there."""
    return command_line("resume", str(folder))
