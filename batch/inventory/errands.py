"""What can be asked about a project, as values; each errand continues from what the sightings hold already."""

from collections.abc import Iterable
from typing import Self, assert_never

import msgspec

from jobs.model import Scope
from jobs.retirement import key_to_ask


class ListSecrets(msgspec.Struct, frozen=True, kw_only=True):
    """The secrets of a project, page by page. A list of a higher `number` is one more, after what came between."""

    project: Scope
    number: int = 1


class ReadSecrets(msgspec.Struct, frozen=True, kw_only=True):
    """Each wanted secret of a project that nothing has shown yet, one request each."""

    project: Scope


class ReadVersions(msgspec.Struct, frozen=True, kw_only=True):
    """The versions of each secret of a project that was shown, as far as they are not known."""

    project: Scope


class Confirm(msgspec.Struct, frozen=True, kw_only=True):
    """The versions as `ReadVersions` reads them, then one more list, which has to show nothing new; where it does,
    those versions and another list, a few times over. A secret that a list shows no more is read by its name.
    """

    project: Scope


class DescribeKeys(msgspec.Struct, frozen=True, kw_only=True):
    """Keys of a project, one request each."""

    project: Scope
    key_ids: tuple[str, ...]

    @classmethod
    def of(cls, project: Scope, key_ids: Iterable[str]) -> Self:
        """The errand for keys in any spelling, each asked for once and as KMS itself writes it."""
        return cls(project=project, key_ids=tuple(dict.fromkeys(map(key_to_ask, key_ids))))


Errand = ListSecrets | ReadSecrets | ReadVersions | Confirm | DescribeKeys


def in_words(errand: Errand) -> str:
    """What it does, for a line of progress."""
    match errand:
        case ListSecrets():
            return "listing secrets"
        case ReadSecrets():
            return "reading secrets"
        case ReadVersions() | Confirm():
            return "reading versions"
        case DescribeKeys():
            return "reading keys"
        case _:
            assert_never(errand)
