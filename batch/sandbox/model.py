"""The things the sandbox keeps, in the shapes the service shows them in."""

from enum import StrEnum

import msgspec


class SecretState(StrEnum):
    """What a secret is fit for; only an enabled one can be updated."""

    ENABLED = "ENABLED"
    DISABLED = "DISABLED"
    PENDING_DELETE = "PENDING_DELETE"
    FROZEN = "FROZEN"


class Secret(msgspec.Struct, frozen=True, kw_only=True):
    """The metadata of one secret, field for field the service's own; times are milliseconds in whole seconds."""

    id: str
    name: str
    state: SecretState
    kms_key_id: str
    description: str
    create_time: int
    update_time: int
    scheduled_delete_time: int | None = None
    secret_type: str = "COMMON"  # noqa: S105 # the service's word for the kind of secret
    auto_rotation: bool = False
    rotation_period: str | None = None
    rotation_config: str | None = None
    rotation_time: int | None = None
    next_rotation_time: int | None = None
    event_subscriptions: tuple[str, ...] = ()
    enterprise_project_id: str = "0"
    rotation_func_urn: str | None = None


class Version(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The metadata of one version of a secret; its key is the one the value was encrypted with, for good."""

    id: str
    create_time: int
    expire_time: int | None
    kms_key_id: str
    secret_name: str
    version_stages: tuple[str, ...]


class KeyState(StrEnum):
    """The states of a KMS key, by the numbers the service shows."""

    PENDING_ACTIVATION = "1"
    ENABLED = "2"
    DISABLED = "3"
    PENDING_DELETION = "4"
    PENDING_IMPORT = "5"
    FROZEN = "7"


class KmsKey(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A KMS key as `describe-key` shows it: every value is text, times are milliseconds."""

    key_id: str
    domain_id: str
    key_alias: str
    realm: str
    key_state: KeyState
    key_spec: str = "AES_256"
    key_usage: str = "ENCRYPT_DECRYPT"
    key_description: str = ""
    creation_date: str
    scheduled_deletion_date: str = ""
    default_key_flag: str = "0"
    key_type: str = "1"
    expiration_time: str = ""
    origin: str = "kms"
    key_rotation_enabled: str = "false"
    sys_enterprise_project_id: str = "0"
    keystore_id: str = "0"

    @property
    def usable(self) -> bool:
        """Whether a secret can be put on this key: enabled, symmetric, made for encryption."""
        return (
            self.key_state is KeyState.ENABLED
            and self.key_spec in {"AES_256", "SM4"}
            and self.key_usage == "ENCRYPT_DECRYPT"
        )


class KeyIds(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The keys every project is born with, by the part they play."""

    old: str
    """Every secret and every version is on it at first."""
    new: str
    """Enabled and unused: where a campaign moves the secrets to."""
    disabled: str
    pending_deletion: str
    asymmetric: str
    """Enabled, but RSA for signatures: no secret can be put on it."""
    default: str
    """The service's own, `csms/default`."""
    pending_import: str
    """Its material has not been imported."""
    asymmetric_encryption: str
    """Enabled and made for encryption, but RSA."""
    mac: str
    """Enabled and symmetric, but made for message authentication codes."""
