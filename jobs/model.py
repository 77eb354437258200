"""The values every part speaks in: what to change, where, and how it ended."""

from enum import StrEnum
from typing import Annotated, assert_never

import msgspec

# What a record can hold, checked where one is read: whatever shows it can then rely on that.
Count = Annotated[int, msgspec.Meta(ge=0)]
Moment = Annotated[float, msgspec.Meta(ge=0, lt=253_402_300_800)]
"""UTC seconds from 1970 to the end of the year 9999."""
Duration = Annotated[float, msgspec.Meta(ge=0, le=1e12)]


class Group(StrEnum):
    """What the reader of an outcome has to do about it."""

    DONE = "done"
    FIX_FIRST = "fix_first"
    RUN_AGAIN = "run_again"


class Status(StrEnum):
    """How a row ended: a closed set, every row has exactly one."""

    UPDATED = "updated"
    """The PUT answered 200 and its JSON body names this secret and this key."""
    VERIFIED = "verified"
    """An attempt's fate was unclear, but a read made after it shows this key."""
    UNCHANGED = "unchanged"
    """A read made before shows this key already; nothing was sent."""
    REJECTED = "rejected"
    """The service gave a definite, permanent refusal."""
    DRIFTED = "drifted"
    """The service shows another key than the row expected; nothing was sent."""
    INVALID = "invalid"
    """The row is unusable or conflicts with another row; nothing was sent."""
    FAILED = "failed"
    """Attempts ran out, and the service's last definite word is that the change is not applied."""
    UNKNOWN = "unknown"
    """The change may have been applied, and that could not be found out."""
    NOT_ATTEMPTED = "not_attempted"
    """The run stopped before this row."""

    @property
    def group(self) -> Group:
        """What has to be done about a row that ended so."""
        match self:
            case Status.UPDATED | Status.VERIFIED | Status.UNCHANGED:
                return Group.DONE
            case Status.REJECTED | Status.DRIFTED | Status.INVALID:
                return Group.FIX_FIRST
            case Status.FAILED | Status.UNKNOWN | Status.NOT_ATTEMPTED:
                return Group.RUN_AGAIN
            case _:
                assert_never(self)


class StatusCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows have a status."""

    status: Status
    rows: Count


class KeyMove(msgspec.Struct, frozen=True, kw_only=True):
    """Secrets on the old key go to the new one: in one project, in those of one region, or wherever they are."""

    old_kms_key_id: str
    new_kms_key_id: str
    project_id: str | None = None
    region: str | None = None


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """A place with its own quota: rows of one scope share a rate, a gate and a budget.

    `endpoint` is scheme, host and port without a trailing slash; `region` is None where `--endpoint` was given
    without a region. `account` is whose login it is asked with, as a manifest names it.
    """

    endpoint: str
    project_id: str
    region: str | None = None
    account: str | None = None


class SecretUpdate(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One change to make: point `secret_name` at `kms_key_id`.

    `description` None leaves the description unchanged, "" clears it. With `expected_kms_key_id` the secret is read
    first, and left alone unless it shows that key.
    """

    secret_name: str
    kms_key_id: str
    description: str | None = None
    expected_kms_key_id: str | None = None


class PlannedRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A valid manifest row: `row` counts data rows from 1. One that is not `selected` is never sent. `wave` is None
    where the job has none, and empty where the row has no value.
    """

    row: int
    scope: Scope
    update: SecretUpdate
    selected: bool = True
    wave: str | None = None


class InvalidRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A manifest row that is never sent; the texts are the manifest's own, `column` names the first one at fault. That
    counts only where the row is `selected`.
    """

    row: int
    secret_name: str
    kms_key_id: str
    region: str
    project_id: str
    column: str
    reason: str
    selected: bool = True
    wave: str | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How one row ended. Times are UTC seconds since 1970, `elapsed_ms` spans first send to last answer."""

    row: int
    status: Status
    attempts: Count
    http_status: Count | None = None
    error_code: str | None = None
    error_message: str | None = None
    request_id: str | None = None
    started_at: Moment | None = None
    finished_at: Moment | None = None
    elapsed_ms: Duration | None = None
