"""Secrets that are not like the others: about to be deleted, frozen, rotated by the service, not shown in a list."""

import random
from collections.abc import Sequence

from msgspec.structs import replace

from batch.sandbox.chance import parse_shares
from batch.sandbox.model import Secret, SecretState
from batch.sandbox.world import Project, World

KINDS = frozenset({"pending-delete", "frozen", "disabled", "rotating", "hidden", "staged"})
"""What a secret can be: in a state that takes no change; rotated by the service by itself; of an enterprise project
that the login sees nothing of in a list, though it may read each of its secrets; with a custom stage on its
oldest version.
"""
_GONE_MS = 4_102_444_800_000  # 2100-01-01


def parse_mix(specs: Sequence[str]) -> tuple[tuple[str, float], ...]:
    """Reads `frozen=0.02`, `hidden=5%` and the like, one for each kind.

    Raises:
        ValueError: an unknown kind, a kind twice, no share, or more than 1 in all.
    """
    return parse_shares(specs, KINDS, "mix")


def vary(world: World, mix: Sequence[tuple[str, float]], rng: random.Random) -> None:
    """Makes that share of the secrets each kind; no secret is of two kinds."""
    enterprise = f"{rng.getrandbits(128):032x}"
    for project in world.projects.values():
        for name in project.names:
            at = rng.random()
            for kind, share in mix:
                if 0 <= at < share:
                    _make(project, project.secrets[name], kind, enterprise)
                at -= share


def _make(project: Project, secret: Secret, kind: str, enterprise: str) -> None:
    match kind:
        case "pending-delete":
            project.put(replace(secret, state=SecretState.PENDING_DELETE, scheduled_delete_time=_GONE_MS))
        case "frozen":
            project.put(replace(secret, state=SecretState.FROZEN))
        case "disabled":
            project.put(replace(secret, state=SecretState.DISABLED))
        case "rotating":
            project.put(replace(secret, secret_type="RDS-FG", auto_rotation=True, rotation_period="30d"))  # noqa: S106 # the service's word for the kind of secret
        case "hidden":
            project.put(replace(secret, enterprise_project_id=enterprise))
            project.hidden.add(secret.name)
        case _:
            first, *rest = project.versions[secret.name]
            pinned = replace(first, version_stages=(*first.version_stages, "release-1"))
            project.versions[secret.name] = (pinned, *rest)
