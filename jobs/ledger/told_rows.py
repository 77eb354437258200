"""The rows that a ledger returns: a block of them is checked at once, and what they share is looked up."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from jobs.ledger.schema import unreadable
from jobs.ledger.tables import TOLD_CODE, TOLD_FROM, TOLD_MESSAGE, TOLD_STATUS
from jobs.ledger.told_row import RowEnd, RowPlace, ToldBlock
from jobs.model import Count, Duration, Moment, Outcome, Scope, Status

# A row's own values, then what makes its place, and its end. The texts of a project are looked up by its number.
ROWS = f"""SELECT r.row AS row, r.secret_name, {TOLD_MESSAGE}, l.request_id, l.started_at, l.finished_at, l.elapsed_ms,
    r.scope, r.region, r.project_id, r.kms_key_id, l.before_kms_key_id, r.expected_kms_key_id,
    {TOLD_STATUS} AS status, l.http_status, {TOLD_CODE}, l.attempts, l.left_out AS left_out,
    l.before_how IS NULL AND (l.doubt OR l.status IN ('{Status.UPDATED}', '{Status.VERIFIED}'))
    {TOLD_FROM}"""
_OWN, _PLACE = 7, 6
_MOST_KEPT = 16_384
_TIMES = tuple[list[Moment | None], list[Moment | None], list[Duration | None]]
_END = tuple[Status, Count | None, str | None, Count, int, int | None]


def told_blocks(
    blocks: Iterable[Sequence[tuple[Any, ...]]], path: Path, scopes: Mapping[int, Scope]
) -> Iterator[ToldBlock]:
    """The rows of some blocks that are as `ROWS` has them; `scopes` are those of the ledger by their numbers.

    Raises:
        LedgerError: a row is not one that this release writes; all before it have been yielded.
    """
    places, ends = _Places(scopes), _Ends()
    for block in blocks:
        try:
            told = _told(block, places, ends)
        except msgspec.ValidationError:
            yield from (_told([_checked(values, path)], places, ends) for values in block)
        else:
            yield told


def _told(block: Sequence[tuple[Any, ...]], places: "_Places", ends: "_Ends") -> ToldBlock:
    numbers, names, messages, request_ids, *rest = zip(*block, strict=True)
    times, rest = rest[:3], rest[3:]
    # A table has the right type in each column; what is left to check is what a type does not say.
    started_at, finished_at, elapsed_ms = msgspec.convert(times, _TIMES)
    return ToldBlock(
        numbers=numbers,
        names=names,
        messages=messages,
        request_ids=request_ids,
        started_at=started_at,
        finished_at=finished_at,
        elapsed_ms=elapsed_ms,
        places=list(map(places.__getitem__, zip(*rest[:_PLACE], strict=True))),
        ends=list(map(ends.__getitem__, zip(*rest[_PLACE:], strict=True))),
    )


def _checked(values: tuple[Any, ...], path: Path) -> tuple[Any, ...]:
    row, _, message, request_id, *times = values[:_OWN]
    status, http_status, code, attempts, *_ = values[_OWN + _PLACE :]
    ended = (row, status, attempts, http_status, code, message, request_id, *times)
    try:
        # By its names, which is what the reader is shown.
        msgspec.convert(dict(zip(Outcome.__struct_fields__, ended, strict=True)), Outcome)
    except msgspec.ValidationError as error:
        raise unreadable(path, f"row {row}", error) from error
    return values


class _Places(dict[tuple[Any, ...], RowPlace]):
    """The places met so far by their columns, not too many at a time."""

    def __init__(self, scopes: Mapping[int, Scope]) -> None:
        super().__init__()
        self._scopes = scopes

    def __missing__(self, columns: tuple[Any, ...]) -> RowPlace:
        number, region, project_id, key, before, expected = columns
        if len(self) >= _MOST_KEPT:
            self.clear()
        scope = self._scopes.get(number)
        # The texts of an invalid row are the manifest's own.
        place = self[columns] = RowPlace(
            scope=number,
            region=(scope.region if scope else None) or region or "",
            project_id=scope.project_id if scope else project_id or "",
            account=scope.account if scope else None,
            kms_key_id=key,
            before_kms_key_id=before,
            expected_kms_key_id=expected,
        )
        return place


class _Ends(dict[tuple[Any, ...], RowEnd]):
    """The same of how rows ended: codes are the service's text, so that there may be many."""

    def __missing__(self, columns: tuple[Any, ...]) -> RowEnd:
        status, http_status, code, attempts, left_out, unseen = msgspec.convert(columns, _END)
        if len(self) >= _MOST_KEPT:
            self.clear()
        end = self[columns] = RowEnd(
            status=status,
            http_status=http_status,
            error_code=code,
            attempts=attempts,
            left_out=left_out,
            unseen=bool(unseen),
        )
        return end
