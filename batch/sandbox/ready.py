"""What a sandbox says of itself once it serves."""

import msgspec

from batch.sandbox.model import KeyIds
from batch.sandbox.platform import TRUST, Trust


class IamLogin(msgspec.Struct, frozen=True, kw_only=True):
    """The name and password that IAM gives a token for."""

    domain: str
    user: str
    password: str


class IdentityLogin(msgspec.Struct, frozen=True, kw_only=True):
    """A token of the platform, good for ever, and the names of what trusts it: a node's agent, STS and IAM."""

    token: str
    pod_url: str
    trust: Trust = TRUST


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """All that a client has to know of a sandbox, printed as one JSON line; the credentials open nothing else.

    `token` and `ak`/`sk` are good for every project, and so are the temporary keys that `metadata_url` gives out.
    `key_ids` has the keys of every project by its id, and `project_names` the name IAM knows it by.
    """

    url: str
    iam_url: str
    metadata_url: str
    token: str
    ak: str
    sk: str
    iam: IamLogin
    identity: IdentityLogin
    project_ids: tuple[str, ...]
    project_names: dict[str, str]
    key_ids: dict[str, KeyIds]
