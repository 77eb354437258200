"""What a ledger knows of one row of its manifest, and of a block of them that share what most rows have in common."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

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
class RowKind:
    """What rows share, by the names of `ToldRow` and `Outcome`: there are few kinds, so that what follows from one is
    found out once for all its rows. `left_out` is the ledger's own number. Each is equal to itself alone.
    """

    scope: int | None
    region: str
    project_id: str
    account: str | None
    kms_key_id: str
    before_kms_key_id: str | None
    expected_kms_key_id: str | None
    status: Status
    http_status: int | None
    error_code: str | None
    attempts: int
    left_out: int

    @property
    def done(self) -> bool:
        """Whether nothing is left to do about such a row."""
        return self.status.group is Group.DONE


OwnValues = tuple[int, str, str | None, str | None, float | None, float | None, float | None]
"""What a row has for itself: its number, name, error message, request id, when it started and ended, milliseconds."""


@dataclass(frozen=True, kw_only=True)
class ToldBlock:
    """Some rows in manifest order, each as its own values with its kind in step."""

    rows: Sequence[OwnValues]
    kinds: Sequence[RowKind]

    @cached_property
    def counts(self) -> Counter[RowKind]:
        """How many of them are of each kind."""
        return Counter(self.kinds)

    def told(self) -> Iterator[ToldRow]:
        """Every row as a separate value."""
        return map(told_row, self.rows, self.kinds)


def told_row(own: OwnValues, kind: RowKind) -> ToldRow:
    """One row of a block."""
    row, name, message, request_id, started_at, finished_at, elapsed_ms = own
    return ToldRow(
        secret_name=name,
        kms_key_id=kind.kms_key_id,
        region=kind.region,
        project_id=kind.project_id,
        outcome=Outcome(
            row=row,
            status=kind.status,
            attempts=kind.attempts,
            http_status=kind.http_status,
            error_code=kind.error_code,
            error_message=message,
            request_id=request_id,
            started_at=started_at,
            finished_at=finished_at,
            elapsed_ms=elapsed_ms,
        ),
        left_out=kind.left_out != 0,
        carried=kind.left_out == CARRIED,
        before_kms_key_id=kind.before_kms_key_id or None,
        account=kind.account,
    )
