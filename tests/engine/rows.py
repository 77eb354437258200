"""Manifests for simulations, by secret: a sandbox's names and keys without its random spelling in the tests."""

from collections.abc import Sequence
from typing import Any

from batch.sandbox.assembly import Sandbox, build_sandbox
from batch.sandbox.world import Project, build_world
from tests.oracle import Asked

EPOCH_S = 1_800_000_000.0


def small_service(*, secrets: int = 10, projects: int = 1, seed: int = 7, **more: Any) -> Sandbox:
    """A service with some secrets; the rest goes to `build_sandbox`."""
    world = build_world(seed=seed, secrets=secrets, projects=projects)
    return build_sandbox(world, seed=seed, epoch_s=EPOCH_S, **more)


def project_of(sandbox: Sandbox, index: int = 0) -> Project:
    return list(sandbox.world.projects.values())[index]


def moves(sandbox: Sandbox, projects: Sequence[int] | None = None) -> list[Asked]:
    """One row for every secret, project after project, to its project's new key."""
    found = list(sandbox.world.projects.values())
    chosen = found if projects is None else [found[index] for index in projects]
    places = [(project, name) for project in chosen for name in project.names]
    return [
        Asked(row=row, project_id=project.id, secret_name=name, kms_key_id=project.key_ids.new)
        for row, (project, name) in enumerate(places, 1)
    ]
