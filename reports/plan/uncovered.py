"""Writes `uncovered.csv`: the secrets that are on a key which rows move away from, and are in no row themselves."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator

from jobs.ledger import same_key
from jobs.model import Scope
from jobs.plan.document import UNCOVERED
from jobs.run_dir.report_files import ReportFiles
from jobs.sightings import SeenSecret
from reports.campaign.account_column import AccountColumn
from reports.campaign.table import write_table
from reports.summary.schema import FileFacts

HEADER = ("project_id", "secret_name", "current_kms_key_id", "reason")


class Uncovered:
    """Looks for them; `counts` says how many there are in which project."""

    def __init__(self, old_keys: Collection[str], accounts: AccountColumn, *, selected: bool) -> None:
        """`selected` says that the plan was asked for some secrets only."""
        self._accounts = accounts
        self._old_keys = {same_key(key) for key in old_keys if key}
        self._reason = "no selected row names it" if selected else "no usable row names it"
        self.counts = Counter[Scope]()

    def write(self, files: ReportFiles, secrets: Iterable[SeenSecret]) -> FileFacts:
        """Writes those of some secrets, none of which is in a row.

        Raises:
            ReportError: it cannot be written.
        """
        return write_table(files, UNCOVERED, self._accounts.header(HEADER), self._lines(secrets))

    def _lines(self, secrets: Iterable[SeenSecret]) -> Iterator[tuple[object, ...]]:
        for one in secrets:
            if same_key(one.kms_key_id) in self._old_keys:
                self.counts[one.project] += 1
                standstill = ", pending deletion" if one.pending_deletion else ", frozen" if one.frozen else ""
                project_id = one.project.project_id
                yield self._accounts.line((project_id, one.name, one.kms_key_id, self._reason + standstill), project_id)
