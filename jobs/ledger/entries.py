"""What goes into a ledger and comes out of it while a run is going, as values."""

from typing import Annotated, Any

import msgspec
from msgspec.structs import astuple

from jobs.model import Count, Moment, Outcome, Scope, SecretUpdate


class OpenRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row that has not ended: `attempts` PUTs may have left for it, `spent` of them no longer count, and with
    `doubt` one of them may have been applied. With `refused` it was refused once, and a second time is for good. With
    `seen` its key before is known.
    """

    row: int
    update: SecretUpdate
    attempts: int
    spent: int
    doubt: bool
    refused: bool = False
    seen: bool = False

    @property
    def unseen(self) -> bool:
        """Whether its key before is not known and can still be: nothing was sent for it."""
        return not (self.seen or self.attempts or self.doubt)


OPEN_COLUMNS = """row, secret_name, kms_key_id, description, expected_kms_key_id, attempts, spent, doubt, refused,
    before_how IS NOT NULL"""


def open_row(values: tuple[Any, ...]) -> OpenRow:
    """A row as `OPEN_COLUMNS` has it."""
    row, name, key, description, expected, attempts, spent, doubt, refused, seen = values
    update = SecretUpdate(secret_name=name, kms_key_id=key, description=description, expected_kms_key_id=expected)
    return OpenRow(
        row=row,
        update=update,
        attempts=attempts,
        spent=spent,
        doubt=bool(doubt),
        refused=bool(refused),
        seen=bool(seen),
    )


class ListedKey(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A secret as a list shows it; `description` None where the list shows none."""

    secret_name: str
    kms_key_id: str
    description: str | None = None


class OpenScope(msgspec.Struct, frozen=True, kw_only=True):
    """A scope with rows that have not ended."""

    id: int
    scope: Scope
    open_rows: int


class Intent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A PUT is about to leave: the row's `attempts`-th; `spent` of those before it cost the row nothing."""

    row: int
    attempts: int
    spent: int = 0


class Parked(msgspec.Struct, frozen=True, kw_only=True):
    """A row that stays open when the run ends: what was last heard of it, and whether a PUT may have been applied.

    An intent that was recorded for a PUT which then never left is taken back by `attempts` and `doubt`.
    """

    row: int
    attempts: int
    spent: int = 0
    doubt: bool
    refused: bool = False
    http_status: int | None = None
    error_code: str | None = None
    error_message: str | None = None
    request_id: str | None = None


class Elsewhere(msgspec.Struct, frozen=True, kw_only=True):
    """Where to look for one open row of a scope: from `after_row` on or, with `backwards`, back to it from the end, or
    from `before_row`; of one key, or of any but `not_of_key`.
    """

    after_row: int
    before_row: int | None = None
    backwards: bool = False
    of_key: str | None = None
    not_of_key: str | None = None


class PaceCell(msgspec.Struct, frozen=True, kw_only=True):
    """How the requests of one session were answered that got their answer within `width_s`, over all scopes.

    Of those `sent`, some were `refused` for their rate and some `unanswered`: the service was not reached. `code` is
    what most of these had in place of an answer. `allowed_per_s` could be sent in a second, None where nothing limited
    it.
    """

    at_s: Moment
    width_s: Annotated[float, msgspec.Meta(gt=0, le=1e12)]
    sent: Count
    refused: Count
    unanswered: Count
    code: str | None
    allowed_per_s: Annotated[float, msgspec.Meta(ge=0)] | None


def outcome_values(outcome: Outcome) -> tuple[object, ...]:
    """How a row ended, in the order of the columns that say so."""
    row, status, *values = astuple(outcome)
    return (row, status.value, *values)
