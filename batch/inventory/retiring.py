"""What has to be asked to know whether keys may be retired."""

from collections.abc import Iterable, Sequence

from batch.inventory.errands import Confirm, DescribeKeys, Errand, ListSecrets, ReadSecrets
from jobs.model import Scope


def retirement_errands(projects: Iterable[Scope], key_ids: Sequence[str]) -> list[Errand]:
    """For each project its secrets, those that are wanted and not listed, the keys themselves, and the versions of
    every secret, until a last list shows that nothing has changed meanwhile.
    """
    return [
        errand
        for one in projects
        for errand in (
            ListSecrets(project=one),
            ReadSecrets(project=one),
            DescribeKeys.of(one, key_ids),
            Confirm(project=one),
        )
    ]
