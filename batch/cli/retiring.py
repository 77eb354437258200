"""What a retirement is about: the keys and projects that options name, or those of a run with all that it knows."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from batch.cli import job_asked_for, known_secrets
from batch.cli.accounts import assign_accounts
from batch.cli.login import open_access
from batch.cli.options import RetireOptions
from batch.cli.origins import Origins
from batch.cli.places import chosen_places
from batch.cli.questions import RetireQuestion
from batch.cli.run_to_look_at import Given, projects_of, run_to_look_at
from batch.cli.screen import say
from batch.cli.sharing import keep_whole, share_of, share_of_run, sum_of
from batch.csms.access import Access
from jobs.ledger import Ledger, same_key
from jobs.ledger.record import read_record
from jobs.model import Scope
from jobs.printable import printable
from jobs.rules import key_check
from jobs.sightings import Sightings
from jobs.spec import Limits, SpecError, UsageError

_OF_A_RUN = ("project-id", "all-projects", "endpoint", "region")
"""Options that a run directory stands for."""
_OF_A_SHARD = ("shard", "shard-by")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The question, and how to ask it. `known` gives the sightings what a run knows, while its ledger is open."""

    question: RetireQuestion
    access: Access
    limits: Limits
    known: Callable[[Sightings], None] = lambda _: None
    whole: tuple[Scope, ...] = ()
    """All the projects, also those of other shards, as far as they are known here."""

    def note(self, sightings: Sightings) -> None:
        """Records in the sightings what the question is about."""
        if self.whole:
            keep_whole(sightings, self.question.spec, self.whole)
        for project in self.question.projects:
            sightings.add_project(project)
        self.known(sightings)


@contextmanager
def asked(run_dir: Path | None, given: Given[RetireOptions]) -> Iterator[Asked]:
    """The keys and projects of a run directory, which no run may be using as long as the block lasts, or of options.

    Raises:
        UsageError: there are none, or both name some.
        SpecError: one cannot be used.
        CredentialError: there is no login, or its projects cannot be listed.
        LockHeldError: a run is using the directory.
    """
    if run_dir is None:
        yield _by_options(given)
        return
    with run_to_look_at(run_dir, given.looking) as ledger:
        yield _by_run(run_dir, ledger, given)


def _by_options(given: Given[RetireOptions]) -> Asked:
    spec = job_asked_for.spec_of(given.source, given.limits, given.auth)
    if not given.source.old_key:
        raise UsageError("no key to retire: give --old-key, or a run directory")
    keys = _checked(given.source.old_key, spec.key_pattern)
    access = open_access(given.auth, spec)
    places = chosen_places(given.source, spec, access)
    own, whole = share_of(spec, places), sum_of(spec, places)
    question = RetireQuestion(spec=spec, key_ids=keys, projects=own, run_dir=None, whole_sha256=whole)
    return Asked(question=question, access=access, limits=spec.limits, whole=tuple(places))


def _by_run(run_dir: Path, ledger: Ledger, given: Given[RetireOptions]) -> Asked:
    record = read_record(ledger)
    _refuse(_OF_A_RUN, given.origins, "the run has its own projects", "give it, or a run directory, not both")
    if record.spec.shard is not None:
        _refuse(_OF_A_SHARD, given.origins, f"the run is shard {record.spec.shard} itself", "leave it out")
    share = share_of_run(ledger, record, job_asked_for.sharded(given.source, record.spec))
    named = given.source.old_key or ()
    keys = _checked(named, record.spec.key_pattern) or tuple(ledger.told.old_keys())
    if not keys:
        raise UsageError(f"{run_dir}: the old keys of its rows are unknown; give them with --old-key")
    if not projects_of(ledger):
        raise UsageError(f"{run_dir}: none of its rows names a usable project")
    access = open_access(given.auth, record.spec)
    assign_accounts(access, ledger)
    known = known_secrets.KnownSecrets(ledger, record, run_dir, share.own)
    if given.origins.of("owner-column") is not None:
        known.require(given.source.owner_column)
    return Asked(
        question=RetireQuestion(
            spec=share.spec,
            key_ids=keys,
            projects=tuple(share.own.values()),
            whole_sha256=share.sha256,
            run_dir=printable(str(run_dir)),
            named=bool(named),
        ),
        access=access,
        limits=job_asked_for.limits_of(given.limits, record.spec.limits),
        known=lambda sightings: known.note(sightings, given.source.owner_column),
        whole=share.whole,
    )


def _refuse(options: Iterable[str], origins: Origins, why: str, instead: str) -> None:
    for option in options:
        if (origin := origins.of(option)) is not None:
            if origin.kind == "flag":
                raise UsageError(f"{origin.name}: {why}; {instead}")
            say(f"{origin.name}: ignored, as {why}")


def _checked(key_ids: Iterable[str], pattern: str) -> tuple[str, ...]:
    """Key ids that may be asked for, each key once.

    Raises:
        SpecError: one cannot be a key id.
    """
    check = key_check(pattern)
    for one in key_ids:
        if reason := check(one):
            raise SpecError("old-key", reason)
    return tuple({same_key(one): one for one in key_ids}.values())
