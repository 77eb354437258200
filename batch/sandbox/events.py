"""The events of a sandbox's journal, each a JSON line of its file."""

import msgspec


class Opened(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="opened"):
    """The journal begins; `epoch_s` is that moment in UTC seconds since 1970, all other times count from it."""

    epoch_s: float


class Arrived(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="arrived"):
    """A whole request is here, and what it changes is changed: written before a byte of an answer is sent.

    `open` counts the requests without an end, this one too. `lands_at_s` announces an update that is applied later.
    """

    n: int
    at_s: float
    open: int
    method: str
    target: str
    project_id: str | None
    secret_name: str | None
    kms_key_id: str | None
    applied: bool
    fault: str | None
    lands_at_s: float | None
    request_id: str | None


class Ended(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="ended"):
    """The server is done with a request; `whole` means all bytes of the answer were given to the network."""

    n: int
    at_s: float
    status: int | None
    whole: bool


class Landed(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="landed"):
    """A late update took place, if the service still allowed it."""

    n: int
    at_s: float
    applied: bool


class VersionMade(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="version-made"):
    """Someone else made a new version of a secret, with the key the secret was on."""

    at_s: float
    project_id: str
    secret_name: str
    version_id: str
    kms_key_id: str


Event = Opened | Arrived | Ended | Landed | VersionMade
