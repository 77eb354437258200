"""The world of a campaign as it was at every request: what the service had, and what others did to it meanwhile."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from batch.sandbox.assembly import Sandbox
from batch.sandbox.faults import InjectedFault
from batch.sandbox.model import SecretState
from batch.sandbox.wire import Arrival
from batch.sandbox.world import Project
from tests.engine.machine import keys_of, versions_of
from tests.engine.plans import Plan
from tests.engine.rows import EPOCH_S
from tests.inventory.changing import DEEDS, Changing
from tests.oracle.case import Change, Place

CHANGES = (*DEEDS, "freeze", "pend", "restore", "show")
"""All that somebody may do to a secret meanwhile."""


class Moment(msgspec.Struct, frozen=True):
    """What there was when a request arrived: the key of each secret, all keys that it needs, and what no list shows."""

    at_s: float
    keys: Mapping[Place, str]
    needs: Mapping[Place, frozenset[str]]
    hidden: frozenset[Place]
    still: frozenset[Place]
    """The secrets that take no change."""
    usable: frozenset[tuple[str, str]]
    """The keys that a secret can be put on, each with its project."""


@dataclass(slots=True, kw_only=True)
class Watched:
    """A fault script that remembers the world before each request does anything to it. While it is `calm` nothing goes
    wrong, and with `lists` what the weather does to reads it does to lists as well.
    """

    plan: Plan
    weather: Callable[[str, float], InjectedFault | None] | None
    sandbox: Sandbox | None = None
    moments: list[Moment] = field(default_factory=list)

    def decide(self, arrival: Arrival) -> InjectedFault | None:
        self.moments.append(self.now(arrival.now_s))
        fault = self.plan.decide(arrival)
        if fault is not None or self.plan.calm or self.weather is None:
            return fault
        return self.weather("write" if arrival.is_update else "read", arrival.now_s)

    def now(self, at_s: float) -> Moment:
        assert self.sandbox is not None
        keys, versions = keys_of(self.sandbox), versions_of(self.sandbox)
        projects = self.sandbox.world.projects.values()
        return Moment(
            at_s=at_s,
            keys=keys,
            needs={
                place: frozenset((key, *(one.kms_key_id for one in versions[place]))) for place, key in keys.items()
            },
            hidden=frozenset((project.id, name) for project in projects for name in project.hidden),
            still=frozenset(
                (project.id, name)
                for project in projects
                for name, secret in project.secrets.items()
                if secret.state is not SecretState.ENABLED
            ),
            usable=frozenset(
                (project.id, key) for project in projects for key, one in project.keys.items() if one.usable
            ),
        )

    def during(self, span: Sequence[range]) -> list[Moment]:
        """The moments of the requests with these numbers."""
        return [self.moments[number - 1] for numbers in span for number in numbers]


@dataclass(slots=True, kw_only=True)
class Others(Changing):
    """Changes the world between and during commands, and logs when which secret changed its key."""

    clock: Callable[[], float] = lambda: 0.0
    changes: list[Change] = field(default_factory=list)

    def do(self, what: str, at: int) -> None:
        """To some secret, once all that was due before has landed."""
        now_s = self.clock()
        self.sandbox.exchange.settle(now_s)
        before = keys_of(self.sandbox)
        projects = list(self.sandbox.world.projects.values())
        project = projects[at % len(projects)]
        if project.names:
            self._change(project, project.names[at % len(project.names)], what)
        after = keys_of(self.sandbox)
        self.changes += [
            Change(at_s=now_s, place=place, key=after.get(place))
            for place in before.keys() | after.keys()
            if before.get(place) != after.get(place)
        ]

    def _change(self, project: Project, name: str, what: str) -> None:
        states = {"freeze": SecretState.FROZEN, "pend": SecretState.PENDING_DELETE, "restore": SecretState.ENABLED}
        if what in states:
            self.seconds += 1
            moved_ms = int(EPOCH_S + self.seconds) * 1000
            secret = project.secrets[name]
            project.put(msgspec.structs.replace(secret, state=states[what], update_time=moved_ms))
        elif what == "show":
            project.hidden.discard(name)
        else:
            Changing._change(self, project, name, what)
