"""Decides whether an old key may be retired, from what was seen to use it and from what could not be seen."""

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from jobs.model import Count, Scope

CURRENT, PREVIOUS = "SYSCURRENT", "SYSPREVIOUS"
"""The service's own stages; a version may have others, or none."""


class Use(StrEnum):
    """How a secret needs a key."""

    POINTER = "pointer"
    """It points at the key: its next version will be made with it."""
    CURRENT = "current"
    """Its current version was made with it."""
    PREVIOUS = "previous"
    OTHER = "other"
    """A version with a custom stage, or with none."""


class KeyUse(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One use of a key; a pointer has no version. The secret is `rotating` where the service makes its versions, and
    takes none while it is `pending_deletion` or `frozen`.
    """

    project: Scope
    account: str | None
    secret_name: str
    kms_key_id: str
    use: Use
    version_id: str = ""
    stages: tuple[str, ...] = ()
    created_s: int | None = None
    owner: str = ""
    rotating: bool = False
    pending_deletion: bool = False
    frozen: bool = False


class Todo(StrEnum):
    """What the owner of a secret has to do before the key is free of it, in words."""

    DELETE = "delete permanently, or restore first"
    UNFREEZE = "unfreeze first"
    MOVE_AND_ROTATE = "move to another key, then rotate"
    MOVE_AND_RENEW = "move to another key, then make a new version"
    MOVE = "move to another key"
    ROTATE = "rotate"
    RENEW = "make a new version"
    MOVE_STAGE = "move a stage of your own off an older version, which stays as long as it has one"
    WAIT = "nothing for the current value; new versions push the older ones out"


class Uses(msgspec.Struct, frozen=True, kw_only=True):
    """How many secrets use a key, and in how many ways."""

    secrets: Count = 0
    pointer: Count = 0
    current: Count = 0
    previous: Count = 0
    other: Count = 0

    @property
    def versions(self) -> int:
        """Versions of every kind."""
        return self.current + self.previous + self.other

    def __bool__(self) -> bool:
        return bool(self.pointer or self.versions)


class GapKind(StrEnum):
    """Why something may use the key although nothing was seen of it."""

    PROJECT = "project"
    """Nothing more could be asked of the project."""
    LIST = "list"
    """Its secrets could not be listed, or the list cannot be true."""
    HIDDEN = "hidden"
    """The list does not show a secret that there is: it may hide others."""
    SECRET = "secret"  # noqa: S105 - the service's word for what it keeps
    """A secret could not be read."""
    VERSIONS = "versions"
    """The versions of a secret could not be read, or not since the secret has changed."""
    NO_KEY = "no_key"
    """A secret or a version shows no key."""


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """What was not seen in one project, for one kind of reason: so many secrets, some of them by name, and the reason
    of the first.
    """

    project: Scope
    kind: GapKind
    secrets: Count = 0
    samples: tuple[str, ...] = ()
    reason: str = ""


class KeyFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What KMS says of the key in one project; with a `trouble` it says nothing, and `absent` that there is none."""

    project: Scope
    kms_key_id: str
    state: str = ""
    alias: str = ""
    default: bool = False
    absent: bool = False
    trouble: str | None = None


class Verdict(StrEnum):
    """Whether a key may be retired."""

    FREE = "free"
    NEEDED = "needed"
    INCOMPLETE = "incomplete"


def use_of(stages: Iterable[str]) -> Use:
    """How a version that was made with the key counts."""
    held = frozenset(stages)
    if CURRENT in held:
        return Use.CURRENT
    return Use.PREVIOUS if PREVIOUS in held else Use.OTHER


def verdict_of(uses: Uses, facts: Iterable[KeyFacts], *, projects: int, whole: bool) -> Verdict:
    """The verdict on one key, of projects that were read `whole` or not. A use that was seen counts for more than what
    was not seen. An id that no project knows is taken for a mistake rather than for a key that is not needed, and
    nothing follows from no projects at all.
    """
    if uses:
        return Verdict.NEEDED
    if not projects or not whole or unknown(facts, projects=projects):
        return Verdict.INCOMPLETE
    return Verdict.FREE


def unknown(facts: Iterable[KeyFacts], *, projects: int) -> bool:
    """Whether every project was asked for the key and none of them has it."""
    absent = sum(one.absent for one in facts)
    return projects > 0 and absent == projects


def together(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict on several keys: one that is needed counts for more than one that is not known."""
    found = frozenset(verdicts)
    if Verdict.NEEDED in found:
        return Verdict.NEEDED
    return Verdict.FREE if found == {Verdict.FREE} else Verdict.INCOMPLETE


def todo_of(uses: Iterable[KeyUse]) -> Todo:
    """What to do about one secret, by all its uses of a key."""
    found = tuple(uses)
    ways = {one.use for one in found}
    if any(one.pending_deletion for one in found):
        return Todo.DELETE
    if any(one.frozen for one in found):
        return Todo.UNFREEZE
    rotating = any(one.rotating for one in found)
    if ways == {Use.POINTER}:
        return Todo.MOVE
    if Use.POINTER in ways:
        return Todo.MOVE_AND_ROTATE if rotating else Todo.MOVE_AND_RENEW
    if Use.CURRENT in ways:
        return Todo.ROTATE if rotating else Todo.RENEW
    if any(set(one.stages) - {CURRENT, PREVIOUS} for one in found):
        return Todo.MOVE_STAGE
    return Todo.WAIT


def key_to_ask(kms_key_id: str) -> str:
    """A key id as KMS itself writes it: what is a UUID in capitals or without dashes is asked for in the usual form."""
    plain = kms_key_id.replace("-", "").lower()
    if len(plain) != 32 or not set(plain) <= set("0123456789abcdef"):  # noqa: PLR2004 - the digits of a UUID
        return kms_key_id
    return "-".join((plain[:8], plain[8:12], plain[12:16], plain[16:20], plain[20:]))
