"""Plans to move every secret that is on an old key, in any number of projects: the service itself is the manifest."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from batch.cli.loading import ProblemPrinter, incoming_of
from batch.cli.looking import opened
from batch.cli.options import PlanOptions
from batch.cli.places import chosen_places
from batch.cli.planning import Planning
from batch.cli.planning_facts import SeenKeys, described, document, secrets_by_project
from batch.cli.screen import say
from batch.inventory.errands import DescribeKeys, Errand, ListSecrets
from jobs.manifest.key_map import KeyMove, pairs, plain_key, read_key_map, target_of
from jobs.manifest.selection import name_selection
from jobs.model import Scope
from jobs.plan.document import KeyPair, Plan, PlanSource
from jobs.sightings import SeenSecret, Sightings
from jobs.spec import JobSpec, UsageError
from reports import Exit
from reports.plan.lines import lines_of_keys, trouble_of
from reports.plan.writing import PlanInput

_SHOWN_PROBLEMS = 20


class Moves(msgspec.Struct, frozen=True, kw_only=True):
    """Which keys are to be left for which, and the file that says so, where there is one."""

    moves: tuple[KeyMove, ...]
    name: str | None = None
    sha256: str | None = None

    @property
    def old_keys(self) -> tuple[str, ...]:
        """The keys that are to be left."""
        return tuple(dict.fromkeys(move.old_kms_key_id for move in self.moves))


def moves_of(source: PlanOptions, spec: JobSpec) -> Moves:
    """What the options ask for.

    Raises:
        UsageError: the keys, or the file, cannot be used.
        ManifestError: the file cannot be read.
    """
    if source.key_map is None:
        try:
            return Moves(moves=pairs(source.old_key or (), source.new_key or (), spec))
        except ValueError as error:
            raise UsageError(str(error)) from error
    with tempfile.TemporaryDirectory(prefix="csms-rekey-keys-") as name:
        copy = incoming_of(str(source.key_map)).copy_to(Path(name))
        found = read_key_map(copy, spec)
    problems = ProblemPrinter(say, limit=_SHOWN_PROBLEMS, rest="more rows that cannot be used")
    for problem in found.problems:
        problems.add(problem)
    problems.finish()
    if found.problems:
        raise UsageError(f"{copy.name}: unusable; nothing was looked at")
    return Moves(moves=found.moves, name=copy.name, sha256=copy.sha256)


def plan_keys(planning: Planning, moves: Moves, options: PlanOptions) -> int:
    """Makes the plan; returns the exit code.

    Raises:
        UsageError: no project is named.
        CredentialError: the login's projects cannot be told.
    """
    spec = planning.spec
    named = tuple(dict.fromkeys(move.project_id for move in moves.moves if move.project_id is not None))
    places = chosen_places(options, spec, planning.access, named)
    source = PlanSource(
        name=moves.name,
        sha256=moves.sha256,
        keys=tuple(KeyPair(**msgspec.structs.asdict(move)) for move in moves.moves),
        only=spec.only,
        exclude=spec.exclude,
    )
    job = planning.job(source, places=msgspec.to_builtins(places))
    directory = planning.claim()
    with opened(directory, "plan", job, planning.options) as sightings:
        listed = [ListSecrets(project=one) for one in places]
        end = planning.look(directory, sightings, listed)
        requests = end.requests
        if end.whole and (keys := list(_key_errands(sightings, moves))):
            # What met trouble in the first session is asked for once more.
            end = planning.look(directory, sightings, [*listed, *keys])
            requests += end.requests
        if not end.whole:
            return end.exit_code(Exit.DONE)
        return planning.write(
            directory.path,
            _input(planning, sightings, moves, document(planning.spec, planning.access, source, sightings, requests)),
        )


def _input(planning: Planning, sightings: Sightings, moves: Moves, plan: Plan) -> PlanInput:
    keys, selects = SeenKeys(sightings), name_selection(planning.spec)

    def bare() -> Iterator[SeenSecret]:
        return (one for one in sightings.shown.secrets() if _target(moves, one) is None or not selects(one.name))

    counts = secrets_by_project(sightings)
    for line in _unused(sightings, moves, counts):
        say(line)
    return PlanInput(
        plan=plan,
        lines=lines_of_keys(sightings.shown.secrets(), moves.moves, selects, keys.judge),
        bare=bare,
        moves_from=moves.old_keys,
        projects=sightings.projects(),
        secrets=counts,
        keys=keys.both,
        rate=planning.spec.limits.rate,
    )


def _unused(sightings: Sightings, moves: Moves, counts: dict[Scope, int]) -> Iterator[str]:
    """Old keys and projects that were asked for in vain: an id may be wrong, or a project have keys of its own."""
    keys, places = set[str](), set[Scope]()
    for one in sightings.shown.secrets():
        keys.add(plain_key(one.kms_key_id))
        if _target(moves, one) is not None:
            places.add(one.project)
    projects = sightings.projects()
    whole = all(trouble_of(one) is None for one in projects)
    for key in moves.old_keys:
        if plain_key(key) not in keys:
            yield f"no secret {'of these projects' if whole else 'that could be seen'} is on {key}"
    for seen in projects if places else ():
        if seen.scope not in places and trouble_of(seen) is None:
            yield f"project {seen.project_id}: none of its {counts.get(seen.scope, 0):,} secrets is on an old key"


def _key_errands(sightings: Sightings, moves: Moves) -> Iterator[Errand]:
    """The target keys of the secrets that are there, in their projects."""
    targets = dict[Scope, dict[str, None]]()
    for one in sightings.shown.secrets():
        if (target := _target(moves, one)) is not None:
            targets.setdefault(one.project, {})[target] = None
    for project, asked in targets.items():
        yield DescribeKeys(project=project, key_ids=described(asked))


def _target(moves: Moves, one: SeenSecret) -> str | None:
    place = one.project
    return target_of(moves.moves, kms_key_id=one.kms_key_id, project_id=place.project_id, region=place.region)
