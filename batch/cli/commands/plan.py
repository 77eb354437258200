"""`plan`: what a run would do with each row, by what the service has now; nothing is changed."""

from pathlib import Path

from batch.cli.loading import incoming_of
from batch.cli.login import open_access
from batch.cli.options import (
    AUTH,
    LIMITS,
    LOOK,
    PLAN,
    AuthOptions,
    JobFile,
    LimitOptions,
    LookOptions,
    ManifestPath,
    PlanOptions,
    spec_of,
)
from batch.cli.planning import Planning
from batch.cli.planning_keys import moves_of, plan_keys
from batch.cli.planning_manifest import plan_manifest
from jobs.spec import UsageError


def plan(
    manifest: ManifestPath | None = None,
    /,
    *,
    source: PlanOptions = PLAN,
    limits: LimitOptions = LIMITS,
    auth: AuthOptions = AUTH,
    look: LookOptions = LOOK,
    out: Path | None = None,
    _job: JobFile = None,
) -> int:
    """Looks at the secrets of a manifest, or at all that are on an old key, and writes a directory that `run` takes.

    Args:
        manifest: As `run` takes it; without one, --old-key and --new-key or --key-map say what is to be moved.
        out: Directory for the plan: new or empty, or that of the same command where it was interrupted.
            [default: plans/<UTC time>-<manifest>]
    """
    _refuse_mixed(manifest, source)
    spec = spec_of(source, limits, auth)
    access = open_access(auth, spec)
    planning = Planning(out=out, stem=_stem(manifest), spec=spec, access=access, options=look)
    planning.refuse_finished()
    if manifest is not None:
        return plan_manifest(planning, incoming_of(manifest), source.project_id)
    return plan_keys(planning, moves_of(source, spec), source)


def _refuse_mixed(manifest: str | None, source: PlanOptions) -> None:
    by_keys = bool(source.old_key or source.new_key)
    if manifest is None and not by_keys and source.key_map is None:
        raise UsageError("what is to be planned? give a manifest, or --old-key and --new-key, or --key-map")
    if manifest is not None and (by_keys or source.key_map is not None):
        raise UsageError("a manifest says which keys: give it, or --old-key and --new-key, or --key-map")
    if by_keys and source.key_map is not None:
        raise UsageError("give --old-key and --new-key, or --key-map, not both")
    if manifest is not None and (source.all_projects or len(source.project_id or ()) > 1):
        raise UsageError("a manifest says which projects: one --project-id is for its rows that name none")


def _stem(manifest: str | None) -> str:
    if manifest is None:
        return "keys"
    return "stdin" if manifest == "-" else Path(manifest).name.split(".")[0] or "manifest"
