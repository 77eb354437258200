"""What a retirement is about: the keys and projects that options name, or those of a run with all that it knows."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from batch.cli.known_secrets import KnownSecrets
from batch.cli.login import open_access
from batch.cli.options import AuthOptions, LimitOptions, LookOptions, RetireOptions, limits_of, spec_of
from batch.cli.origins import Origins
from batch.cli.places import chosen_places, place_words
from batch.cli.screen import say
from batch.csms.access import Access
from batch.process.version import version
from jobs.ledger import Ledger, same_key
from jobs.ledger.record import read_record
from jobs.ledger.upgrade import reading
from jobs.model import Scope
from jobs.rules import key_check
from jobs.run_dir.run_dir import RunDirectory
from jobs.run_dir.scope_locks import Patience
from jobs.sightings import Sightings
from jobs.spec import Limits, SpecError, UsageError

_OF_A_RUN = ("project-id", "all-projects", "endpoint", "region")
"""Options that a run directory stands for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The options of the command."""

    source: RetireOptions
    limits: LimitOptions
    auth: AuthOptions
    looking: LookOptions
    origins: Origins


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The keys, where they may be used, and how to ask. `note` tells the sightings what a run knows, while its ledger
    is open, and returns the column that owners were found in. `words` are the arguments that ask for the same.
    """

    key_ids: tuple[str, ...]
    projects: tuple[Scope, ...]
    access: Access
    limits: Limits
    words: tuple[str, ...]
    note: Callable[[Sightings], str | None] = lambda _: None

    def job(self, run_dir: Path | None) -> str:
        """What tells one retirement from another; limits may differ from time to time."""
        keys = sorted(map(same_key, self.key_ids))
        places = sorted((one.endpoint, one.project_id) for one in self.projects)
        return msgspec.json.encode(("retire", keys, places, run_dir and str(run_dir.resolve()))).decode()


@contextmanager
def asked(run_dir: Path | None, given: Given) -> Iterator[Asked]:
    """The keys and projects of a run directory, which no run may be using as long as the block lasts, or of options.

    Raises:
        UsageError: there are none, or both name some.
        SpecError: one cannot be used.
        CredentialError: there is no login, or its projects cannot be told.
        LockHeldError: a run is using the directory.
    """
    if run_dir is None:
        yield _by_options(given)
        return
    directory = RunDirectory.find(run_dir)
    with directory.lock("look", Patience(given.looking.wait, say)):
        directory.require_loaded()
        with reading(directory.path, release=version()) as ledger:
            yield _by_run(directory, ledger, given)


def _by_options(given: Given) -> Asked:
    spec = spec_of(given.source, given.limits, given.auth)
    if not given.source.old_key:
        raise UsageError("which key is to be retired? give --old-key, or a run directory")
    keys = _checked(given.source.old_key, spec.key_pattern)
    access = open_access(given.auth)
    places = chosen_places(given.source, spec, access)
    words = (*_key_words(keys), *place_words(given.source, spec, places))
    return Asked(key_ids=keys, projects=tuple(places), access=access, limits=spec.limits, words=words)


def _by_run(directory: RunDirectory, ledger: Ledger, given: Given) -> Asked:
    for option in _OF_A_RUN:
        if (origin := given.origins.of(option)) is not None:
            if origin.kind == "flag":
                raise UsageError(f"{origin.name}: the run has its own projects; give it, or a run directory, not both")
            say(f"{origin.name}: ignored, as the run has its own projects")
    record = read_record(ledger)
    named = given.source.old_key or ()
    keys = _checked(named, record.spec.key_pattern) or tuple(ledger.told.old_keys())
    if not keys:
        raise UsageError(f"{directory.path}: nobody knows which keys its rows leave; name them with --old-key")
    places = {
        (one.project_id, one.region or ""): Scope(endpoint=one.endpoint, project_id=one.project_id, region=one.region)
        for one in ledger.told.scopes()
    }
    if not places:
        raise UsageError(f"{directory.path}: no row of it names a project that can be used")
    known = KnownSecrets(ledger, record, directory.path, places)
    column = given.source.owner_column
    if given.origins.of("owner-column") is not None:
        known.require(column)
    return Asked(
        key_ids=keys,
        projects=tuple(places.values()),
        access=open_access(given.auth, stored=record.spec.auth),
        limits=limits_of(given.limits, record.spec.limits),
        words=(str(directory.path), *_key_words(named)),
        note=lambda sightings: known.note(sightings, column),
    )


def _key_words(key_ids: Iterable[str]) -> Iterator[str]:
    return (word for key in key_ids for word in ("--old-key", key))


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
