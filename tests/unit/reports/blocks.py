"""Rows as a block that a ledger tells."""

from jobs.ledger import RowEnd, RowKind, ToldBlock, ToldRow
from jobs.ledger.told_row import CARRIED


def block_of(*rows: ToldRow) -> ToldBlock:
    """These rows, which share nothing."""
    outcomes = [row.outcome for row in rows]
    return ToldBlock(
        numbers=tuple(one.row for one in outcomes),
        names=tuple(row.secret_name for row in rows),
        messages=tuple(one.error_message for one in outcomes),
        request_ids=tuple(one.request_id for one in outcomes),
        started_at=tuple(one.started_at for one in outcomes),
        finished_at=tuple(one.finished_at for one in outcomes),
        elapsed_ms=tuple(one.elapsed_ms for one in outcomes),
        kinds=list(map(_kind_of, rows)),
    )


def _kind_of(row: ToldRow) -> RowKind:
    return RowKind(
        scope=1,
        region=row.region,
        project_id=row.project_id,
        account=row.account,
        kms_key_id=row.kms_key_id,
        before_kms_key_id=row.before_kms_key_id,
        expected_kms_key_id=None,
        end=_end_of(row),
    )


def _end_of(row: ToldRow) -> RowEnd:
    one = row.outcome
    return RowEnd(
        status=one.status,
        http_status=one.http_status,
        error_code=one.error_code,
        attempts=one.attempts,
        left_out=CARRIED if row.carried else int(row.left_out),
        unseen=False,
    )
