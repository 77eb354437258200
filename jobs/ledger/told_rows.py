"""The rows that a ledger returns: a block of them is checked at once, and what they share is looked up."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from jobs.ledger.schema import unreadable
from jobs.ledger.tables import TOLD_CODE, TOLD_FROM, TOLD_MESSAGE, TOLD_STATUS
from jobs.ledger.told_row import RowEnd, RowKind, ToldBlock
from jobs.model import Count, Duration, Moment, Outcome, Scope, Status

# A row's own values, and what makes its kind as one text: many columns of few values would take longer to fetch than
# all the rest. The texts of a project are looked up by its number.
COLUMNS = "row, secret_name, error_message, request_id, started_at, finished_at, elapsed_ms, kind"
ROWS = f"""SELECT r.row AS row, r.secret_name AS secret_name, {TOLD_MESSAGE} AS error_message,
    l.request_id AS request_id, l.started_at AS started_at, l.finished_at AS finished_at, l.elapsed_ms AS elapsed_ms,
    json_array(r.scope, r.region, r.project_id, r.kms_key_id, l.before_kms_key_id, r.expected_kms_key_id,
        {TOLD_STATUS}, l.http_status, {TOLD_CODE}, l.attempts, l.left_out,
        l.before_how IS NULL AND (l.doubt OR l.status IN ('{Status.UPDATED}', '{Status.VERIFIED}'))) AS kind,
    {TOLD_STATUS} AS status, l.left_out AS left_out
    {TOLD_FROM}"""
_MOST_KEPT = 10_000
_TIMES = tuple[list[Moment | None], list[Moment | None], list[Duration | None]]
_Text = str | None
_KIND = msgspec.json.Decoder(
    tuple[int | None, _Text, _Text, str, _Text, _Text, Status, Count | None, _Text, Count, int, int | None]
)


def told_blocks(
    blocks: Iterable[Sequence[tuple[Any, ...]]], path: Path, scopes: Mapping[int, Scope]
) -> Iterator[ToldBlock]:
    """The rows of some blocks that are as `ROWS` has them; `scopes` are those of the ledger by their numbers.

    Raises:
        LedgerError: a row is not one that this release writes; all before it have been yielded.
    """
    kinds = _Kinds(scopes)
    for block in blocks:
        try:
            told = _told(block, kinds)
        except msgspec.ValidationError:
            yield from (_told([_checked(values, path)], kinds) for values in block)
        else:
            yield told


def _told(block: Sequence[tuple[Any, ...]], kinds: "_Kinds") -> ToldBlock:
    numbers, names, messages, request_ids, *times, shared = zip(*block, strict=True)
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
        kinds=list(map(kinds.__getitem__, shared)),
    )


def _checked(values: tuple[Any, ...], path: Path) -> tuple[Any, ...]:
    row, _, message, request_id, *times, shared = values
    *_, status, http_status, code, attempts, _, _ = msgspec.json.decode(shared)
    ended = (row, status, attempts, http_status, code, message, request_id, *times)
    try:
        # By its names, which is what the reader is shown.
        msgspec.convert(dict(zip(Outcome.__struct_fields__, ended, strict=True)), Outcome)
    except msgspec.ValidationError as error:
        raise unreadable(path, f"row {row}", error) from error
    return values


class _Kinds(dict[str, RowKind]):
    """The kinds met so far by their texts, not too many at a time."""

    def __init__(self, scopes: Mapping[int, Scope]) -> None:
        super().__init__()
        self._scopes = scopes
        self._ends: dict[tuple[Any, ...], RowEnd] = {}

    def __missing__(self, text: str) -> RowKind:
        number, region, project_id, key, before, expected, *end = _KIND.decode(text)
        if len(self) >= _MOST_KEPT:
            self.clear()
            self._ends.clear()
        scope = None if number is None else self._scopes.get(number)
        # The texts of an invalid row are the manifest's own.
        kind = self[text] = RowKind(
            scope=number,
            region=(scope.region if scope else None) or region or "",
            project_id=scope.project_id if scope else project_id or "",
            account=scope.account if scope else None,
            kms_key_id=key,
            before_kms_key_id=before,
            expected_kms_key_id=expected,
            end=self._end(*end),
        )
        return kind

    def _end(self, *columns: Any) -> RowEnd:
        if columns not in self._ends:
            status, http_status, code, attempts, left_out, unseen = columns
            self._ends[columns] = RowEnd(
                status=status,
                http_status=http_status,
                error_code=code,
                attempts=attempts,
                left_out=left_out,
                unseen=bool(unseen),
            )
        return self._ends[columns]
