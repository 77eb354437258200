"""Rows as a block that a ledger tells."""

from jobs.ledger import RowKind, ToldBlock, ToldRow
from jobs.ledger.told_row import CARRIED


def block_of(*rows: ToldRow) -> ToldBlock:
    """These rows, each of another kind."""
    outcomes = [row.outcome for row in rows]
    return ToldBlock(
        rows=[
            (
                one.row,
                row.secret_name,
                one.error_message,
                one.request_id,
                one.started_at,
                one.finished_at,
                one.elapsed_ms,
            )
            for row, one in zip(rows, outcomes, strict=True)
        ],
        kinds=list(map(kind_of, rows)),
    )


def kind_of(row: ToldRow) -> RowKind:
    """What it may share with others."""
    one = row.outcome
    return RowKind(
        scope=1,
        region=row.region,
        project_id=row.project_id,
        account=row.account,
        kms_key_id=row.kms_key_id,
        before_kms_key_id=row.before_kms_key_id,
        expected_kms_key_id=None,
        status=one.status,
        http_status=one.http_status,
        error_code=one.error_code,
        attempts=one.attempts,
        left_out=CARRIED if row.carried else int(row.left_out),
    )
