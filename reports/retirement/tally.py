"""Counts the uses of old keys while they go by: by key, by project, and by what each owner has to do."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from heapq import nlargest
from itertools import groupby

from jobs.ledger import same_key
from jobs.model import Scope
from jobs.retirement import KeyUse, Todo, Use, Uses, todo_of
from reports.retirement.document import OwnerResult, TodoCount

MOST_OWNERS = 1_000
_SAMPLES = 5
_SECRETS = "secrets"


class UseTally:
    """Takes uses as they are read, by project and name, and counts each secret once."""

    def __init__(self, key_ids: Sequence[str]) -> None:
        self._keys: dict[str, Counter[str]] = {same_key(key): Counter() for key in key_ids}
        self._projects: dict[Scope, Counter[str]] = {}
        self._owners: dict[str, dict[Todo, tuple[int, tuple[str, ...]]]] = {}

    def through(self, uses: Iterable[KeyUse]) -> Iterator[KeyUse]:
        """The same uses, counted."""
        for (project, name), found in groupby(uses, key=lambda one: (one.project, one.secret_name)):
            of_secret = tuple(found)
            of_project = self._projects.setdefault(project, Counter())
            of_project[_SECRETS] += 1
            for key in {same_key(one.kms_key_id) for one in of_secret}:
                self._keys[key][_SECRETS] += 1
            for one in of_secret:
                self._keys[same_key(one.kms_key_id)][one.use] += 1
                of_project[one.use] += 1
            self._assign(of_secret[0].owner, name, todo_of(of_secret))
            yield from of_secret

    def of_key(self, key_id: str) -> Uses:
        """How one key is used."""
        return _uses(self._keys[same_key(key_id)])

    def of_project(self, project: Scope) -> Uses:
        """How all of them are used in one project."""
        return _uses(self._projects.get(project, Counter()))

    @property
    def owners(self) -> tuple[OwnerResult, ...]:
        """What to do, by those who have to do it, those with the most first."""
        found = [_owner(name, todos) for name, todos in sorted(self._owners.items())]
        return tuple(nlargest(MOST_OWNERS, found, key=lambda one: one.secrets))

    @property
    def more_owners(self) -> int:
        """How many there are besides."""
        return max(0, len(self._owners) - MOST_OWNERS)

    def _assign(self, owner: str, name: str, todo: Todo) -> None:
        todos = self._owners.setdefault(owner, {})
        count, samples = todos.get(todo, (0, ()))
        todos[todo] = (count + 1, samples if len(samples) == _SAMPLES else (*samples, name))


def _uses(counts: Counter[str]) -> Uses:
    return Uses(secrets=counts[_SECRETS], **{use.value: counts[use] for use in Use})


def _owner(name: str, todos: dict[Todo, tuple[int, tuple[str, ...]]]) -> OwnerResult:
    return OwnerResult(
        owner=name,
        secrets=sum(count for count, _ in todos.values()),
        todos=tuple(
            TodoCount(todo=todo, secrets=todos[todo][0], samples=todos[todo][1]) for todo in Todo if todo in todos
        ),
    )
