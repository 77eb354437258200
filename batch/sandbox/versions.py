"""Versions of secrets: each is made with the key its secret is on at that moment, and keeps it for good."""

from collections.abc import Sequence

from msgspec.structs import replace

from batch.sandbox.model import Version
from batch.sandbox.world import Project

CURRENT, PREVIOUS = "SYSCURRENT", "SYSPREVIOUS"


def add_version(
    project: Project, name: str, unix_s: float, *, stages: Sequence[str] = (), expire_time: int | None = None
) -> Version:
    """Makes a new version of a secret; it becomes the current one unless it is given other stages.

    A stage is on one version only, and the one that was current becomes the previous one. Beyond what a project keeps,
    the oldest version without a stage goes.
    """
    versions = project.versions.get(name, ())
    number = int(versions[-1].id[1:]) + 1 if versions else 1
    taken = set(stages or (CURRENT,))
    made = Version(
        id=f"v{number}",
        create_time=int(unix_s) * 1000,
        expire_time=expire_time,
        kms_key_id=project.secrets[name].kms_key_id,
        secret_name=name,
        version_stages=tuple(stages or (CURRENT,)),
    )
    kept = [_without(one, taken, steps_back=CURRENT in taken) for one in versions]
    project.versions[name] = _trimmed((*kept, made), project.most_versions)
    return made


def _without(one: Version, taken: set[str], *, steps_back: bool) -> Version:
    stages = [stage for stage in one.version_stages if stage not in taken and not (steps_back and stage == PREVIOUS)]
    if steps_back and CURRENT in one.version_stages:
        stages.insert(0, PREVIOUS)
    return replace(one, version_stages=tuple(stages))


def _trimmed(versions: tuple[Version, ...], most: int) -> tuple[Version, ...]:
    while len(versions) > most:
        gone = next((one for one in versions[:-1] if not one.version_stages), None)
        if gone is None:
            return versions
        versions = tuple(one for one in versions if one is not gone)
    return versions
