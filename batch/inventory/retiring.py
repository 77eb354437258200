"""What has to be asked to know whether keys may be retired."""

from collections.abc import Iterable, Sequence

from batch.inventory.errands import Confirm, DescribeKeys, Errand, ListSecrets, ReadSecrets
from jobs.model import Scope
from jobs.retirement import key_to_ask


def retirement_errands(projects: Iterable[Scope], key_ids: Sequence[str]) -> list[Errand]:
    """For each project its secrets, those that are wanted and not listed, the keys themselves, and the versions of
    every secret, until a last list shows that nothing has changed meanwhile.
    """
    asked = tuple(map(key_to_ask, key_ids))
    return [
        errand
        for one in projects
        for errand in (
            ListSecrets(project=one),
            ReadSecrets(project=one),
            DescribeKeys(project=one, key_ids=asked),
            Confirm(project=one),
        )
    ]
