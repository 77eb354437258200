"""What the account is allowed, and how the service shows it things: the part of a sandbox that differs from site to
site.
"""

import msgspec

from batch.sandbox.lists import ListStyle
from batch.sandbox.quota import ProjectQuota
from batch.sandbox.wire import Operation


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """`quota` None lets everything pass, and `denied` are the operations that the login lacks the right to."""

    quota: ProjectQuota | None = None
    lists: ListStyle = ListStyle()
    denied: frozenset[Operation] = frozenset()
