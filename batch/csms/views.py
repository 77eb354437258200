"""Keys and versions as the service shows them, as values."""

from enum import StrEnum

import msgspec


class VersionView(msgspec.Struct, frozen=True, kw_only=True):
    """The metadata of one version of a secret; `kms_key_id` is the key it was made with, empty where none is shown."""

    id: str
    kms_key_id: str
    stages: tuple[str, ...] = ()
    created_s: int | None = None


class VersionPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some versions of a secret; `next_marker` and `marked` as of a page of secrets."""

    versions: tuple[VersionView, ...]
    next_marker: str | None
    marked: bool = False

    @property
    def ids(self) -> tuple[str, ...]:
        """What its items are known by."""
        return tuple(one.id for one in self.versions)


class KeyState(StrEnum):
    """What a key is fit for, in words; the service writes a digit."""

    PENDING_ACTIVATION = "pending activation"
    ENABLED = "enabled"
    DISABLED = "disabled"
    PENDING_DELETION = "pending deletion"
    PENDING_IMPORT = "pending import"
    FROZEN = "frozen"
    UNKNOWN = "in an unknown state"


class KeyView(msgspec.Struct, frozen=True, kw_only=True):
    """A KMS key as the service shows it. `spec` (AES_256, RSA_2048 ...) and `usage` (ENCRYPT_DECRYPT, SIGN_VERIFY ...)
    are its own words, empty where it shows none. `default` marks the key that the service made for itself.
    """

    id: str
    state: KeyState
    alias: str = ""
    spec: str = ""
    usage: str = ""
    default: bool = False
    enterprise_project_id: str | None = None
    deleted_from_s: int | None = None


class KeyPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some keys of a project; `next_marker` and `marked` as of a page of secrets."""

    keys: tuple[KeyView, ...]
    next_marker: str | None
    marked: bool = True

    @property
    def ids(self) -> tuple[str, ...]:
        """What its items are known by."""
        return tuple(one.id for one in self.keys)
