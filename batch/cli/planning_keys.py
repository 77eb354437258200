"""Plans to move every secret that is on an old key, in any number of projects: the service itself is the manifest."""

from collections.abc import Iterator

import msgspec

from batch.cli.command_lines import options_of_run
from batch.cli.looking import look, opened
from batch.cli.planning import Planning
from batch.cli.planning_facts import SeenKeys, document, secrets_by_project
from batch.cli.questions import PlanQuestion
from batch.cli.screen import say
from batch.cli.sharing import keep_whole
from batch.inventory.errands import DescribeKeys, Errand, ListSecrets
from jobs.ledger import same_key
from jobs.manifest.key_map import target_of
from jobs.manifest.selection import name_selection
from jobs.model import Scope
from jobs.plan.document import PlanSource
from jobs.rate import Rate
from jobs.sightings import SeenSecret, Sightings
from reports import Exit
from reports.plan.lines import lines_of_keys, trouble_of
from reports.plan.writing import PlanInput


def plan_keys(planning: Planning) -> int:
    """Makes the plan; returns the exit code."""
    question, way, directory = planning.question, planning.way, planning.directory
    with opened(directory, question, way, lambda new: keep_whole(new, question.spec, planning.whole)) as sightings:
        listed = [ListSecrets(project=one) for one in question.projects]
        end = look(directory, sightings, listed, way)
        if end.whole and (keys := list(_key_errands(sightings, question.source))):
            # What met trouble in the first session is asked for once more.
            end = look(directory, sightings, [*listed, *keys], way)
        if not end.whole:
            return end.exit_code(Exit.DONE)
        return planning.write(input_of_keys(question, sightings, way.limits.rate))


def input_of_keys(question: PlanQuestion, sightings: Sightings, rate: Rate) -> PlanInput:
    """What a plan is made of once everything was seen; says which keys and projects did not show the old key."""
    keys, selects, source = SeenKeys(sightings), name_selection(question.spec), question.source
    old_keys = tuple(dict.fromkeys(move.old_kms_key_id for move in source.keys))

    def bare() -> Iterator[SeenSecret]:
        return (one for one in sightings.shown.secrets() if _target(source, one) is None or not selects(one.name))

    counts = secrets_by_project(sightings)
    unused = _unused(source, sightings)
    unknown = tuple(key for key in unused if _nowhere(sightings, key))
    for line in (*_in_vain(unused, unknown, sightings), *_untouched(source, sightings, counts)):
        say(line)
    return PlanInput(
        plan=msgspec.structs.replace(document(question, sightings), unknown_keys=unknown),
        lines=lines_of_keys(sightings.shown.secrets(), source.keys, selects, keys.judge),
        bare=bare,
        moves_from=old_keys,
        projects=sightings.projects(),
        secrets=counts,
        keys=keys.both,
        rate=rate,
        options=options_of_run(question.spec, rate),
    )


def _unused(source: PlanSource, sightings: Sightings) -> tuple[str, ...]:
    """Old keys that no secret was seen on."""
    seen = {same_key(one.kms_key_id) for one in sightings.shown.secrets()}
    return tuple(
        dict.fromkeys(move.old_kms_key_id for move in source.keys if same_key(move.old_kms_key_id) not in seen)
    )


def _nowhere(sightings: Sightings, kms_key_id: str) -> bool:
    """Whether KMS says in every project that there is no such key."""
    found = [one for one in sightings.shown.described() if same_key(one.kms_key_id) == same_key(kms_key_id)]
    return len(found) == len(sightings.projects()) > 0 and all(one.absent for one in found)


def _in_vain(unused: tuple[str, ...], unknown: tuple[str, ...], sightings: Sightings) -> Iterator[str]:
    whole = all(trouble_of(one) is None for one in sightings.projects())
    for key in unused:
        wrong = ", and none of them has this key: check its id" if key in unknown else ""
        yield f"no secret {'of these projects' if whole else 'that could be seen'} is on {key}{wrong}"


def _untouched(source: PlanSource, sightings: Sightings, counts: dict[Scope, int]) -> Iterator[str]:
    """Projects that did not show the old key while others did: they may have other keys."""
    places = {one.project for one in sightings.shown.secrets() if _target(source, one) is not None}
    for seen in sightings.projects() if places else ():
        if seen.scope not in places and trouble_of(seen) is None:
            secrets = counts.get(seen.scope, 0)
            words = "its only secret is not" if secrets == 1 else f"none of its {secrets:,} secrets is"
            yield f"project {seen.project_id}: {words} on an old key"


def _key_errands(sightings: Sightings, source: PlanSource) -> Iterator[Errand]:
    """The target keys of the secrets that are there, in their projects, and everywhere the old keys of none of them: an
    id that no project knows is a mistake.
    """
    unused = dict.fromkeys(_unused(source, sightings))
    targets = {one.scope: dict(unused) for one in sightings.projects()}
    for one in sightings.shown.secrets():
        if (target := _target(source, one)) is not None:
            targets.setdefault(one.project, {})[target] = None
    for project, asked in targets.items():
        if asked:
            yield DescribeKeys.of(project, asked)


def _target(source: PlanSource, one: SeenSecret) -> str | None:
    place = one.project
    return target_of(source.keys, kms_key_id=one.kms_key_id, project_id=place.project_id, region=place.region)
