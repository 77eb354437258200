"""What a retirement is about: the keys and projects that options name, or those of a run with all that it knows."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from batch.cli.accounts import assign_accounts
from batch.cli.known_secrets import KnownSecrets
from batch.cli.login import open_access
from batch.cli.options import RetireOptions, limits_of, spec_of
from batch.cli.places import chosen_places
from batch.cli.questions import RetireQuestion
from batch.cli.run_to_look_at import Given, projects_of, run_to_look_at
from batch.cli.screen import say
from batch.csms.access import Access
from jobs.ledger import Ledger, same_key
from jobs.ledger.record import read_record
from jobs.printable import printable
from jobs.rules import key_check
from jobs.sightings import Sightings
from jobs.spec import Limits, SpecError, UsageError

_OF_A_RUN = ("project-id", "all-projects", "endpoint", "region")
"""Options that a run directory stands for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The question, and how to ask it. `known` tells the sightings what a run knows, while its ledger is open."""

    question: RetireQuestion
    access: Access
    limits: Limits
    known: Callable[[Sightings], None] = lambda _: None

    def note(self, sightings: Sightings) -> None:
        """Tells the sightings what the question is about."""
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
    spec = spec_of(given.source, given.limits, given.auth)
    if not given.source.old_key:
        raise UsageError("no key to retire: give --old-key, or a run directory")
    keys = _checked(given.source.old_key, spec.key_pattern)
    access = open_access(given.auth, spec)
    places = chosen_places(given.source, spec, access)
    question = RetireQuestion(spec=spec, key_ids=keys, projects=tuple(places), run_dir=None)
    return Asked(question=question, access=access, limits=spec.limits)


def _by_run(run_dir: Path, ledger: Ledger, given: Given[RetireOptions]) -> Asked:
    for option in _OF_A_RUN:
        if (origin := given.origins.of(option)) is not None:
            if origin.kind == "flag":
                raise UsageError(f"{origin.name}: the run has its own projects; give it, or a run directory, not both")
            say(f"{origin.name}: ignored, as the run has its own projects")
    record = read_record(ledger)
    named = given.source.old_key or ()
    keys = _checked(named, record.spec.key_pattern) or tuple(ledger.told.old_keys())
    if not keys:
        raise UsageError(f"{run_dir}: the old keys of its rows are unknown; give them with --old-key")
    places = projects_of(ledger)
    if not places:
        raise UsageError(f"{run_dir}: none of its rows names a usable project")
    access = open_access(given.auth, record.spec)
    assign_accounts(access, ledger)
    known = KnownSecrets(ledger, record, run_dir, places)
    if given.origins.of("owner-column") is not None:
        known.require(given.source.owner_column)
    return Asked(
        question=RetireQuestion(
            spec=record.spec,
            key_ids=keys,
            projects=tuple(places.values()),
            run_dir=printable(str(run_dir)),
            named=bool(named),
        ),
        access=access,
        limits=limits_of(given.limits, record.spec.limits),
        known=lambda sightings: known.note(sightings, given.source.owner_column),
    )


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
