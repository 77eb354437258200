"""Others who work in the same account: they write new versions of secrets while a campaign runs."""

import random
from collections.abc import Iterator

from batch.sandbox.events import VersionMade
from batch.sandbox.model import SecretState
from batch.sandbox.versions import add_version
from batch.sandbox.world import Project, World


class Others:
    """Make a new version of some secret `per_s` times a second, evenly, from the start on.

    `epoch_s` is the sandbox's start in UTC seconds since 1970.
    """

    def __init__(self, world: World, *, per_s: float, epoch_s: float, rng: random.Random) -> None:
        self._projects = [project for project in world.projects.values() if project.names]
        self._every_s = 1.0 / per_s
        self._epoch_s = epoch_s
        self._rng = rng
        self._count = 0

    def until(self, now_s: float) -> Iterator[VersionMade]:
        """Does what is due by now, and says what it was."""
        while self._projects and (due_s := (self._count + 1) * self._every_s) <= now_s:
            self._count += 1
            project = self._rng.choice(self._projects)
            name = self._rng.choice(project.names)
            if project.secrets[name].state is SecretState.ENABLED:
                yield self._make(project, name, due_s)

    def _make(self, project: Project, name: str, due_s: float) -> VersionMade:
        made = add_version(project, name, self._epoch_s + due_s)
        return VersionMade(
            at_s=due_s, project_id=project.id, secret_name=name, version_id=made.id, kms_key_id=made.kms_key_id
        )
