"""Counts the rows of a plan as they are written - by action, by project, by target key - and what that comes to."""

from collections import Counter
from collections.abc import Mapping

from jobs.forecast import PlaceCount, pages_before
from jobs.ledger import same_key
from jobs.model import Scope
from jobs.plan.action import Action, same
from jobs.plan.document import ActionCount, Plan
from reports.exit_code import Exit
from reports.plan.lines import PlanLine

_MOST_OLD_KEYS = 20


class KeyTally:
    """One target key in one project."""

    def __init__(self, scope: Scope, kms_key_id: str) -> None:
        self.scope = scope
        self.kms_key_id = kms_key_id
        self.rows = 0
        self.old_keys: Counter[str] = Counter()

    @property
    def most_left(self) -> tuple[str, ...]:
        """The keys that most rows move away from."""
        return tuple(key for key, _ in self.old_keys.most_common(_MOST_OLD_KEYS))


class PlanTally:
    """All of them. Rows without a usable place have no project; secrets without a row count as `blocked`."""

    def __init__(self) -> None:
        self.rows = 0
        self.left_out = 0
        self.blocked = 0
        self._actions: Counter[Action] = Counter()
        self._projects: dict[Scope, Counter[Action]] = {}
        self._keys: dict[tuple[Scope, str], KeyTally] = {}
        self._puts: dict[Scope, Counter[str]] = {}
        self.old_keys: set[str] = set()
        """All keys that rows move away from."""

    def add(self, line: PlanLine) -> None:
        """Counts one line."""
        if line.row is None:
            self.blocked += 1
            return
        self.rows += 1
        if line.decision is None:
            self.left_out += 1
            return
        action = line.decision.action
        self._actions[action] += 1
        if line.scope is not None:
            self._projects.setdefault(line.scope, Counter())[action] += 1
            self._count_key(line.scope, line, action)

    @property
    def counts(self) -> tuple[ActionCount, ...]:
        """Rows by action, those with none left away."""
        return _counts(self._actions)

    def counts_of(self, scope: Scope) -> tuple[ActionCount, ...]:
        """The same for one project."""
        return _counts(self._projects.get(scope, Counter()))

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """The projects that rows name, in their order."""
        return tuple(self._projects)

    @property
    def keys(self) -> tuple[KeyTally, ...]:
        """The target keys, in the order of their first rows."""
        return tuple(self._keys.values())

    def places(self, pages: Mapping[Scope, int]) -> tuple[PlaceCount, ...]:
        """What a run will send: as many of the project's `pages` as are worth it, then each row to change is read where
        its key is known, and written.
        """
        return tuple(
            PlaceCount(
                endpoint=scope.endpoint,
                project_id=scope.project_id,
                region=scope.region,
                rows=self._projects[scope][Action.CHANGE],
                puts=puts["put"],
                reads=puts["read"],
                lists=pages_before(puts["put"], pages.get(scope)),
            )
            for scope, puts in self._puts.items()
        )

    def _count_key(self, scope: Scope, line: PlanLine, action: Action) -> None:
        if action is Action.INVALID:
            return
        asked = line.update.kms_key_id
        key = self._keys.setdefault((scope, same_key(asked)), KeyTally(scope, asked))
        key.rows += 1
        if action is not Action.CHANGE:
            return
        puts = self._puts.setdefault(scope, Counter())
        puts["put"] += 1
        if line.current_kms_key_id:
            puts["read"] += 1
        if line.current_kms_key_id and not same(line.current_kms_key_id, asked):
            key.old_keys[line.current_kms_key_id] += 1
            self.old_keys.add(line.current_kms_key_id)


def _counts(found: Counter[Action]) -> tuple[ActionCount, ...]:
    return tuple(ActionCount(action=action, rows=found[action]) for action in Action if found[action])


def exit_code_of_plan(plan: Plan) -> Exit:
    """3 where something could not be looked at, else 1 where a row cannot be done or an old key is nowhere."""
    if plan.rows_of(Action.UNREAD) or any(project.trouble for project in plan.projects):
        return Exit.STOPPED_EARLY
    return Exit.NOT_ALL_DONE if plan.undone or plan.unknown_keys else Exit.DONE
