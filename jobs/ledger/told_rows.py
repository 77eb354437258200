"""The rows that a ledger returns: a block of them is checked at once, and what they share is looked up."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

import msgspec

from jobs.ledger.schema import unreadable
from jobs.ledger.told_row import RowKind, ToldBlock
from jobs.model import Count, Duration, Moment, Outcome, Status

# A row's own values, then what makes its kind.
COLUMNS = """row, secret_name, error_message, request_id, started_at, finished_at, elapsed_ms, scope, region,
    project_id, kms_key_id, before_kms_key_id, expected_kms_key_id, status, http_status, error_code, attempts,
    left_out"""
_OWN = 7
_own, _shared = itemgetter(slice(_OWN)), itemgetter(slice(_OWN, None))
_MOST_KEPT = 4_096
_Text = str | None
_Time = Moment | None
# One type for each column.
# fmt: off
_Row = tuple[
    Count, str, _Text, _Text, _Time, _Time, Duration | None,
    int | None, str, str, str, _Text, _Text, Status, Count | None, _Text, Count, int,
]
# fmt: on


def told_blocks(
    blocks: Iterable[Sequence[tuple[Any, ...]]], path: Path, whose: Mapping[int, str | None]
) -> Iterator[ToldBlock]:
    """The rows of some blocks that have `COLUMNS`; `whose` has the accounts of scopes.

    Raises:
        LedgerError: a row is not one that this release writes; all before it have been yielded.
    """
    kinds = _Kinds(whose)
    for block in blocks:
        for rows in _checked(block, path):
            shared = map(_shared, rows)
            yield ToldBlock(rows=[_own(row) for row in rows], kinds=list(map(kinds.__getitem__, shared)))


def _checked(block: Sequence[tuple[Any, ...]], path: Path) -> Iterable[Sequence[tuple[Any, ...]]]:
    try:
        return (msgspec.convert(block, list[_Row]),)
    except msgspec.ValidationError:
        return ((_one(values, path),) for values in block)


def _one(values: tuple[Any, ...], path: Path) -> tuple[Any, ...]:
    row, _, message, request_id, *times = values[:_OWN]
    status, http_status, code, attempts, _ = values[-5:]
    ended = (row, status, attempts, http_status, code, message, request_id, *times)
    try:
        # By its names, which is what the reader is shown.
        msgspec.convert(dict(zip(Outcome.__struct_fields__, ended, strict=True)), Outcome)
        checked: tuple[Any, ...] = msgspec.convert(values, _Row)
    except msgspec.ValidationError as error:
        raise unreadable(path, f"row {row}", error) from error
    return checked


class _Kinds(dict[tuple[Any, ...], RowKind]):
    """The kinds met so far by their columns, not too many at a time."""

    def __init__(self, whose: Mapping[int, str | None]) -> None:
        super().__init__()
        self._whose = whose

    def __missing__(self, shared: tuple[Any, ...]) -> RowKind:
        scope, region, project, key, before, expected, status, http_status, code, attempts, left_out = shared
        if len(self) >= _MOST_KEPT:
            self.clear()
        kind = self[shared] = RowKind(
            scope=scope,
            region=region,
            project_id=project,
            account=self._whose.get(scope),
            kms_key_id=key,
            before_kms_key_id=before,
            expected_kms_key_id=expected,
            status=status,
            http_status=http_status,
            error_code=code,
            attempts=attempts,
            left_out=left_out,
        )
        return kind
