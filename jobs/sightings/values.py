"""What was seen of projects, secrets, versions and keys, as values.

`trouble` says in the service's words why something could not be seen; `kind` is what sort of refusal that was.
"""

import msgspec

from jobs.ledger import SeenBy
from jobs.model import Scope

__all__ = ["Matched", "SeenBy", "SeenKey", "SeenProject", "SeenSecret", "SeenVersion", "Wanted"]


class SeenProject(msgspec.Struct, frozen=True, kw_only=True):
    """One project. Its first list was read whole if it is `listed`; `pages` counts the answers to all its lists.

    `trouble` is that of a list, `reads_trouble` why no more secrets were read one by one, `versions_trouble` why no
    more versions, and `stopped` why nothing more was asked at all.
    """

    endpoint: str
    project_id: str
    region: str | None = None
    account: str | None = None
    listed: bool = False
    pages: int = 0
    trouble: str | None = None
    reads_trouble: str | None = None
    versions_trouble: str | None = None
    stopped: str | None = None

    @property
    def scope(self) -> Scope:
        """Where it is."""
        return Scope(endpoint=self.endpoint, project_id=self.project_id, region=self.region)


class SeenSecret(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A secret as it was last shown. `kms_key_id` is empty where none was, and `missing` means that a read did not find
    it. `listed` is the number of the last list that showed it, 0 for none; `versions` says whether those were read
    whole.
    """

    project: Scope
    name: str
    kms_key_id: str = ""
    state: str = ""
    pending_deletion: bool = False
    frozen: bool = False
    description: str | None = None
    enterprise_project_id: str | None = None
    auto_rotation: bool | None = None
    created_s: int | None = None
    updated_s: int | None = None
    how: SeenBy = SeenBy.LIST
    missing: bool = False
    trouble: str | None = None
    kind: str | None = None
    listed: int = 0
    versions: bool = False
    versions_trouble: str | None = None

    @property
    def seen(self) -> bool:
        """Whether the service showed it."""
        return not (self.missing or self.trouble)


class SeenVersion(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The metadata of a version; `kms_key_id` is the key that it was made with, empty where none was shown."""

    project: Scope
    secret_name: str
    version_id: str
    kms_key_id: str
    stages: tuple[str, ...] = ()
    created_s: int | None = None


_ABSENT = frozenset({"absent", "key"})
"""How a refusal of KMS is kept that says that there is no such key."""


class SeenKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key of a project as KMS shows it; `state` is in words. With `trouble` nothing else is known."""

    project: Scope
    kms_key_id: str
    state: str = ""
    spec: str = ""
    usage: str = ""
    alias: str = ""
    default: bool = False
    trouble: str | None = None
    kind: str | None = None

    @property
    def absent(self) -> bool:
        """Whether KMS says that the project has no such key."""
        return self.kind in _ABSENT


class Wanted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row whose secret a command wants to see. Without a `project` it is not looked at, and `note` says why; the
    texts are the manifest's own then.
    """

    row: int
    project: Scope | None
    name: str
    kms_key_id: str = ""
    expected_kms_key_id: str | None = None
    project_id: str = ""
    region: str = ""
    note: str | None = None


class Matched(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A wanted row and what was seen of its secret; None where nothing was, not even a trouble."""

    wanted: Wanted
    secret: SeenSecret | None
