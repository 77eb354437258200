"""The rows that a ledger tells: a block of them is checked at once, and each becomes a value."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import astuple

from jobs.ledger.key_kinds import KeyKinds
from jobs.ledger.schema import unreadable
from jobs.ledger.told_row import ToldRow
from jobs.model import Count, Duration, Moment, Outcome, Status

CARRIED = 3
COLUMNS = """secret_name, kms_key_id, region, project_id, left_out, before_kms_key_id, row, status, attempts,
    http_status, error_code, error_message, request_id, started_at, finished_at, elapsed_ms, scope,
    expected_kms_key_id"""
_kind = itemgetter(16, 1, 5, 17, 7, 4)
_Text = str | None
_Time = Moment | None
# One type for each column.
# fmt: off
_Row = tuple[
    str, str, str, str, int, _Text,
    Count, Status, Count, Count | None, _Text, _Text, _Text, _Time, _Time, Duration | None,
    int | None, _Text,
]
# fmt: on
_FIELDS = Outcome.__struct_fields__


def told_rows(
    blocks: Iterable[Sequence[tuple[Any, ...]]],
    path: Path,
    whose: Mapping[int, str | None],
    kinds: KeyKinds | None = None,
) -> Iterator[ToldRow]:
    """Every row of some blocks that have `COLUMNS`; `whose` has the accounts of scopes, and `kinds` counts the rows.

    Raises:
        LedgerError: a row is not one that this release writes; all before it have been yielded.
    """
    for block in blocks:
        if kinds is not None:
            kinds.update(map(_kind, block))
        for values in _checked(block, path):
            name, key, region, project, left_out, before, row, status, attempts, http_status = values[:10]
            code, message, request_id, started_at, finished_at, elapsed_ms, scope, _ = values[10:]
            yield ToldRow(
                secret_name=name,
                kms_key_id=key,
                region=region,
                project_id=project,
                # The constructor checks nothing more: that takes a quarter of the time.
                outcome=Outcome(
                    row=row,
                    status=status,
                    attempts=attempts,
                    http_status=http_status,
                    error_code=code,
                    error_message=message,
                    request_id=request_id,
                    started_at=started_at,
                    finished_at=finished_at,
                    elapsed_ms=elapsed_ms,
                ),
                left_out=left_out != 0,
                carried=left_out == CARRIED,
                before_kms_key_id=before or None,
                account=whose.get(scope),
            )


def _checked(block: Sequence[tuple[Any, ...]], path: Path) -> Iterable[tuple[Any, ...]]:
    try:
        return msgspec.convert(block, list[_Row])
    except msgspec.ValidationError:
        return (_one(values, path) for values in block)


def _one(values: tuple[Any, ...], path: Path) -> tuple[Any, ...]:
    placed, ended, kind = values[:6], values[6:16], values[16:]
    try:
        outcome = msgspec.convert(dict(zip(_FIELDS, ended, strict=True)), Outcome)
    except msgspec.ValidationError as error:
        raise unreadable(path, f"row {ended[0]}", error) from error
    return (*placed, *astuple(outcome), *kind)
