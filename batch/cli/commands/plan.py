"""`plan`: what a run would do with each row, by what the service has now; nothing is changed."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from batch.cli.loading import incoming_of, load_to_run
from batch.cli.login import open_access, with_project
from batch.cli.looking import Way
from batch.cli.options import (
    AUTH,
    LOOK,
    PACE,
    PLAN,
    AuthOptions,
    JobFile,
    LookOptions,
    ManifestPath,
    PaceOptions,
    PlanOptions,
    spec_of,
)
from batch.cli.places import chosen_places
from batch.cli.planning import Planning, refuse_planned
from batch.cli.planning_keys import plan_keys, source_of
from batch.cli.planning_manifest import plan_manifest
from batch.cli.questions import PlanQuestion
from batch.csms.auth import CredentialError
from jobs.run_dir.look_dir import LookDirectory, moment_name
from jobs.spec import JobSpec, UsageError


def plan(
    manifest: ManifestPath | None = None,
    /,
    *,
    source: PlanOptions = PLAN,
    limits: PaceOptions = PACE,
    auth: AuthOptions = AUTH,
    look: LookOptions = LOOK,
    out: Path | None = None,
    _job: JobFile = None,
) -> int:
    """Looks at the secrets of a manifest, or at all that are on an old key, and writes a directory that `run` takes.

    Args:
        manifest: As for run; without it, give --old-key and --new-key, or --key-map.
        out: Directory for the plan; an unfinished one continues.
            [default: plans/<UTC time>-<manifest>]
    """
    _refuse_mixed(manifest, source)
    spec = spec_of(source, limits, auth)
    access = open_access(auth, spec)
    refuse_planned(out)
    way = Way(access=access, limits=spec.limits, options=look)

    def claim() -> LookDirectory:
        default = Path("plans") / f"{moment_name()}-{_stem(manifest)}"
        return LookDirectory.claim(out, default, network_ok=look.allow_network_fs)

    if manifest is not None:
        spec = msgspec.structs.replace(spec, project_id=source.project_id[0] if source.project_id else None)
        spec, no_project = with_project(spec, access)
        return plan_manifest(_loading(manifest, spec, no_project), spec, way, claim)
    asked = source_of(source, spec)
    named = tuple(dict.fromkeys(move.project_id for move in asked.keys if move.project_id is not None))
    places = chosen_places(source, spec, access, named)
    question = PlanQuestion(spec=spec, source=asked, projects=tuple(places))
    return plan_keys(Planning(directory=claim(), question=question, way=way))


def continue_plan(directory: LookDirectory, question: PlanQuestion, way: Way) -> int:
    """Continues a plan that was interrupted; returns the exit code."""
    if question.source.keys:
        return plan_keys(Planning(directory=directory, question=question, way=way))
    if (copy := directory.source) is None:
        raise UsageError(f"{directory.path}: its copy of the manifest is missing; make the plan again")
    load = _loading(str(copy), question.spec)
    return plan_manifest(load, question.spec, way, lambda: directory, source=question.source)


def _loading(manifest: str, spec: JobSpec, no_project: CredentialError | None = None) -> Callable[[Path], object]:
    return lambda folder: load_to_run(incoming_of(manifest), spec, folder, no_project)


def _refuse_mixed(manifest: str | None, source: PlanOptions) -> None:
    by_keys = bool(source.old_key or source.new_key)
    if manifest is None and not by_keys and source.key_map is None:
        raise UsageError("nothing to plan: give a manifest, or --old-key and --new-key, or --key-map")
    if manifest is not None and (by_keys or source.key_map is not None):
        raise UsageError("a manifest says which keys: give it, or --old-key and --new-key, or --key-map")
    if by_keys and source.key_map is not None:
        raise UsageError("give --old-key and --new-key, or --key-map, not both")
    if manifest is not None and (source.all_projects or len(source.project_id or ()) > 1):
        raise UsageError("a manifest says which projects: only one --project-id is allowed, for rows without one")


def _stem(manifest: str | None) -> str:
    if manifest is None:
        return "keys"
    return "stdin" if manifest == "-" else Path(manifest).name.split(".")[0] or "manifest"
