"""What a ledger knows of one row of its manifest, and of a block of them that share what most rows have in common."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from jobs.model import Group, Outcome, Status

CARRIED = 3


class ToldRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One manifest row and how it ended; texts of an invalid row are the manifest's own, unchecked. One that was
    `left_out` was not selected for the job, or `carried` along because its plan could not do it: it is not attempted.
    `before_kms_key_id` is the key that the service showed before our first PUT, where that is known, and `account` is
    whose login the row is sent with, where the manifest names one.
    """

    secret_name: str
    kms_key_id: str
    region: str
    project_id: str
    outcome: Outcome
    left_out: bool = False
    carried: bool = False
    before_kms_key_id: str | None = None
    account: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowEnd:
    """How rows ended, by the names of `Outcome`; there are few ways, in however many projects. Each is equal to itself
    alone. `left_out` is the ledger's own number; a row that is `unseen` was or may have been changed although its key
    before is not known.
    """

    status: Status
    http_status: int | None
    error_code: str | None
    attempts: int
    left_out: int
    unseen: bool

    @property
    def done(self) -> bool:
        """Whether nothing is left to do about such a row."""
        return self.status.group is Group.DONE


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowKind:
    """What rows share, by the names of `ToldRow`: in a project there are few kinds, so that what follows from one is
    found out once for all its rows. Each is equal to itself alone.
    """

    scope: int | None
    region: str
    project_id: str
    account: str | None
    kms_key_id: str
    before_kms_key_id: str | None
    expected_kms_key_id: str | None
    end: RowEnd


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldBlock:
    """Some rows in manifest order, at least one, column by column: what they have for themselves, and in step with it
    what they share with others.
    """

    numbers: Sequence[int]
    names: Sequence[str]
    messages: Sequence[str | None]
    request_ids: Sequence[str | None]
    started_at: Sequence[float | None]
    finished_at: Sequence[float | None]
    elapsed_ms: Sequence[float | None]
    kinds: Sequence[RowKind]

    def told(self) -> Iterator[ToldRow]:
        """Every row as a separate value."""
        return map(_told_row, zip(*self._own, strict=True), self.kinds)

    def row(self, at: int) -> ToldRow:
        """One of them, counted from 0."""
        return _told_row(tuple(column[at] for column in self._own), self.kinds[at])

    @property
    def _own(self) -> tuple[Sequence[Any], ...]:
        return (
            self.numbers,
            self.names,
            self.messages,
            self.request_ids,
            self.started_at,
            self.finished_at,
            self.elapsed_ms,
        )


def _told_row(own: tuple[Any, ...], kind: RowKind) -> ToldRow:
    end = kind.end
    row, name, message, request_id, started_at, finished_at, elapsed_ms = own
    return ToldRow(
        secret_name=name,
        kms_key_id=kind.kms_key_id,
        region=kind.region,
        project_id=kind.project_id,
        outcome=Outcome(
            row=row,
            status=end.status,
            attempts=end.attempts,
            http_status=end.http_status,
            error_code=end.error_code,
            error_message=message,
            request_id=request_id,
            started_at=started_at,
            finished_at=finished_at,
            elapsed_ms=elapsed_ms,
        ),
        left_out=end.left_out != 0,
        carried=end.left_out == CARRIED,
        before_kms_key_id=kind.before_kms_key_id or None,
        account=kind.account,
    )
