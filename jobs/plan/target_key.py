"""Whether a KMS key can take secrets, by what KMS says of it: a pure decision, which is never guessed."""

from enum import StrEnum

import msgspec

SYMMETRIC = frozenset({"AES_256", "SM4"})
_USAGE = "ENCRYPT_DECRYPT"
_ENABLED = "enabled"


class Fitness(StrEnum):
    """What a key can be used for."""

    USABLE = "usable"
    UNUSABLE = "unusable"
    UNCHECKED = "not checked"
    """KMS did not say."""


class KeyFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A key as KMS shows it: its state in words, its kind and its usage in KMS's own. `trouble` says why it shows
    nothing; with `refused` that is its word on the key itself, such as that there is none.
    """

    state: str = ""
    spec: str = ""
    usage: str = ""
    trouble: str | None = None
    refused: bool = False


class KeyVerdict(msgspec.Struct, frozen=True):
    """Whether a key can take secrets; `reason` continues "the key"."""

    fitness: Fitness
    reason: str = ""


USABLE = KeyVerdict(Fitness.USABLE, "is enabled")


def verdict_on(key: KeyFacts | None) -> KeyVerdict:
    """The verdict on a key; None stands for one that was not asked about."""
    if key is None:
        return KeyVerdict(Fitness.UNCHECKED, "KMS was not asked")
    if key.trouble is not None:
        refused = KeyVerdict(Fitness.UNUSABLE, f"is refused by KMS in this project: {key.trouble}")
        return refused if key.refused else KeyVerdict(Fitness.UNCHECKED, key.trouble)
    return _of_shown(key)


def _of_shown(key: KeyFacts) -> KeyVerdict:
    if key.spec and key.spec not in SYMMETRIC:
        return KeyVerdict(Fitness.UNUSABLE, f"is of the kind {key.spec}, not {' or '.join(sorted(SYMMETRIC))}")
    if key.usage and key.usage != _USAGE:
        return KeyVerdict(Fitness.UNUSABLE, f"is for {key.usage}, not for {_USAGE}")
    if not key.state or key.state.startswith("in an unknown"):
        return KeyVerdict(Fitness.UNCHECKED, "KMS shows no state that is known here")
    if key.state != _ENABLED:
        return KeyVerdict(Fitness.UNUSABLE, f"is {key.state}")
    if not key.spec or not key.usage:
        return KeyVerdict(Fitness.UNCHECKED, f"is enabled, and KMS does not show its {'usage' if key.spec else 'kind'}")
    return USABLE
