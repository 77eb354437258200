"""What is asked of the service for the rows of a manifest that is planned."""

from collections.abc import Iterable, Iterator

from batch.inventory.errands import DescribeKeys, Errand, ListSecrets, ReadSecrets
from jobs.ledger.asked import AskedRow
from jobs.model import Scope
from jobs.sightings import Wanted


def wanted(one: AskedRow) -> Wanted:
    """A row that is not selected is not looked at: its secret counts as one that no row is about."""
    return Wanted(row=one.row, project=None if one.left_out else one.scope, name=one.update.secret_name)


def errands(rows: Iterable[AskedRow]) -> Iterator[Errand]:
    """Each project's list, the secrets that it does not show, and the target keys of its rows."""
    keys = dict[Scope, dict[str, None]]()
    for one in rows:
        if one.scope is not None and not one.left_out:
            asked = keys.setdefault(one.scope, {})
            if one.invalid is None:
                asked[one.update.kms_key_id] = None
    for project, asked in keys.items():
        yield ListSecrets(project=project)
        yield ReadSecrets(project=project)
        yield DescribeKeys.of(project, asked)
