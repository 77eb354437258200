"""What to do about one row, from what it asks for and what the service shows: a pure decision."""

from enum import StrEnum
from typing import assert_never

import msgspec

from jobs.plan.target_key import Fitness, KeyVerdict


class Action(StrEnum):
    """What a run of the plan does with a row, or why it leaves it alone: a closed set."""

    CHANGE = "change"
    """The secret has to be moved."""
    UNCHANGED = "unchanged"
    """It has all that its row asks for."""
    DRIFTED = "drifted"
    """It is on another key than its row expects."""
    MISSING = "missing"
    """There is no such secret."""
    BLOCKED = "blocked"
    """It is pending deletion or frozen, and takes no change."""
    KEY_UNUSABLE = "key_unusable"
    """Nothing can be encrypted with its target key."""
    INVALID = "invalid"
    """The row itself cannot be used."""
    UNREAD = "unread"
    """Not known: the secret could not be looked at."""

    @property
    def runs(self) -> bool:
        """Whether a run of the plan takes the row up; all others it carries along."""
        match self:
            case Action.CHANGE | Action.UNCHANGED:
                return True
            case (
                Action.DRIFTED | Action.MISSING | Action.BLOCKED | Action.KEY_UNUSABLE | Action.INVALID | Action.UNREAD
            ):
                return False
            case _:
                assert_never(self)


class Wish(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a row asks for."""

    kms_key_id: str
    expected_kms_key_id: str | None = None
    description: str | None = None


class Shown(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A secret as it was seen; `kms_key_id` is empty where the service shows none. `standstill` says in words what it
    is in that takes no change.
    """

    kms_key_id: str
    description: str | None = None
    standstill: str | None = None


class Absent(msgspec.Struct, frozen=True):
    """The service says that there is no such secret."""


class Unseen(msgspec.Struct, frozen=True):
    """It was not looked at, or could not be; `reason` says why."""

    reason: str


class Decision(msgspec.Struct, frozen=True, gc=False):
    """An action, and in words why."""

    action: Action
    reason: str = ""


def decide(wish: Wish, seen: Shown | Absent | Unseen, key: KeyVerdict) -> Decision:
    """What to do about a valid row. What is wrong with the secret itself comes before what is wrong with the
    key: the first belongs to this row, the other to many.
    """
    match seen:
        case Unseen(reason):
            return Decision(Action.UNREAD, reason)
        case Absent():
            return Decision(Action.MISSING, "no such secret")
        case Shown():
            return _of_shown(wish, seen, key)
        case _:
            assert_never(seen)


def _of_shown(wish: Wish, seen: Shown, key: KeyVerdict) -> Decision:
    on_target = same(seen.kms_key_id, wish.kms_key_id)
    if on_target and wish.description in {None, seen.description}:
        return Decision(Action.UNCHANGED, "is on this key already")
    if seen.standstill is not None:
        return Decision(Action.BLOCKED, seen.standstill)
    # As a run does: one that is on its target key has not drifted.
    if wish.expected_kms_key_id is not None and not on_target and not same(seen.kms_key_id, wish.expected_kms_key_id):
        return Decision(Action.DRIFTED, f"expected key {wish.expected_kms_key_id}")
    if key.fitness is Fitness.UNUSABLE:
        return Decision(Action.KEY_UNUSABLE, f"target key {key.reason}")
    words = ["is on this key already, and gets its description"] if on_target else []
    words += ["the service shows no key"] if not seen.kms_key_id else []
    words += [f"target key not checked: {key.reason}"] if key.fitness is Fitness.UNCHECKED else []
    return Decision(Action.CHANGE, "; ".join(words))


def same(one: str, other: str) -> bool:
    """Whether two key ids name the same key: neither case nor dashes say anything."""
    return one == other or one.replace("-", "").lower() == other.replace("-", "").lower()
