"""`key-use.csv`: one line for every pointer at an old key, and for every version that was made with it."""

from collections.abc import Iterable

from jobs.retirement import KeyUse
from jobs.run_dir.report_files import ReportFiles
from reports.campaign.table import write_table
from reports.moment import utc_text
from reports.retirement.document import USES
from reports.summary.schema import FileFacts

HEADER = ("project_id", "secret_name", "version_id", "stages", "version_kms_key_id", "create_time", "use")
ACCOUNT = "account"


def write_uses(files: ReportFiles, uses: Iterable[KeyUse], *, accounts: bool) -> FileFacts:
    """Writes the file; with `accounts` there is a column for them at the end.

    Raises:
        ReportError: it cannot be written.
    """
    header = (*HEADER, ACCOUNT) if accounts else HEADER
    return write_table(files, USES, header, (_cells(one, accounts=accounts) for one in uses))


def _cells(one: KeyUse, *, accounts: bool) -> tuple[object, ...]:
    return (
        one.project.project_id,
        one.secret_name,
        one.version_id,
        ";".join(one.stages),
        one.kms_key_id,
        utc_text(one.created_s),
        one.use,
        *((one.account,) if accounts else ()),
    )
