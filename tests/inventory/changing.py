"""Others who change the world while it is looked at, and what of it needs a key at each moment."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from batch.inventory.looking import Looking
from batch.sandbox.assembly import Sandbox
from batch.sandbox.model import SecretState
from batch.sandbox.versions import add_version
from batch.sandbox.world import Project
from tests.engine.machine import still_on
from tests.engine.rows import EPOCH_S
from tests.kit.records import records_of

DEEDS = ("to old", "to new", "to other", "version", "create", "delete", "hide", "there and back")


class Deed(msgspec.Struct, frozen=True):
    """What somebody does to some secret, so many seconds after a session began."""

    after_s: float
    what: str
    at: int


@dataclass(slots=True, kw_only=True)
class Changing:
    """Does deeds, and remembers after which request the world needed the key where it can be seen."""

    sandbox: Sandbox
    key: str
    deeds: Sequence[Deed]
    known: bool
    """Whether a run knows all secrets that there are at first."""
    seconds: int = 0
    history: list[tuple[int, frozenset[tuple[str, str]]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._remember()

    def begin(self, _: Looking) -> None:
        """For a session of looking."""
        loop = asyncio.get_running_loop()
        for deed in self.deeds:
            loop.call_later(deed.after_s, self._do, deed)

    def needed_at(self, request: int) -> frozenset[tuple[str, str]]:
        """What needed the key when the request of that number arrived."""
        return next(needed for count, needed in reversed(self.history) if count < request)

    def _remember(self) -> None:
        projects = self.sandbox.world.projects.values()
        # What no list shows and no run knows cannot be seen.
        unseen = {(one.id, name) for one in projects for name in one.hidden if not self.known}
        needed = still_on(self.sandbox, self.key) - unseen
        self.history.append((len(records_of(self.sandbox.journal)), needed))

    def _do(self, deed: Deed) -> None:
        projects = list(self.sandbox.world.projects.values())
        project = projects[deed.at % len(projects)]
        if project.names:
            self._change(project, project.names[deed.at % len(project.names)], deed.what)
        self._remember()

    def _change(self, project: Project, name: str, what: str) -> None:
        match what:
            case "to old":
                self._point(project, name, self.key)
            case "to new":
                self._point(project, name, project.key_ids.new)
            case "to other":
                self._point(project, name, project.key_ids.default)
            case "version":
                add_version(project, name, EPOCH_S + self.seconds)
            case "there and back":
                before = project.secrets[name].kms_key_id
                self._point(project, name, self.key)
                add_version(project, name, EPOCH_S + self.seconds)
                self._point(project, name, before)
            case "create":
                self.seconds += 1
                made = msgspec.structs.replace(project.secrets[name], name=f"made-{self.seconds}", id=str(self.seconds))
                project.put(msgspec.structs.replace(made, state=SecretState.ENABLED))
                add_version(project, made.name, EPOCH_S + self.seconds)
            case "delete":
                project.names.remove(name)
                del project.secrets[name], project.versions[name]
                project.hidden.discard(name)
            case _:
                project.hidden.add(name)

    def _point(self, project: Project, name: str, key: str) -> None:
        # Each change has a separate second, as changes of one secret have in life.
        self.seconds += 1
        moved_ms = int(EPOCH_S + self.seconds) * 1000
        project.put(msgspec.structs.replace(project.secrets[name], kms_key_id=key, update_time=moved_ms))
