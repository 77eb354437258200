"""What one check is given: the rows that were asked for, what was claimed of them, and what the service recorded."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from jobs.ledger import ToldRow
from jobs.model import Status
from tests.kit.records import Record

Place = tuple[str, str]
"""A secret: its project and its name."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One manifest row as its author meant it; `usable` False for a row that breaks a rule by itself, `selected` False
    for one that its job leaves out, `wave` None where its job has no waves.
    """

    row: int
    project_id: str
    secret_name: str
    kms_key_id: str
    description: str | None = None
    expected_kms_key_id: str | None = None
    usable: bool = True
    selected: bool = True
    wave: str | None = None

    @property
    def place(self) -> Place:
        return self.project_id, self.secret_name


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What a run says of one row."""

    row: int
    secret_name: str
    kms_key_id: str
    status: Status
    attempts: int
    before_kms_key_id: str | None = None


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """What was allowed. `slowest_per_s` is the least a rate is lowered to, `lands_within_s` how long after its sending
    a PUT may still be applied, as the run has it; `interruptions` counts sessions that did not end by themselves,
    `fresh_starts` those that forgave attempts.
    """

    per_s: float = float("inf")
    slowest_per_s: float = 0.1
    burst: int = 1
    concurrency: int = 32
    max_attempts: int = 5
    lands_within_s: float = 60.0
    interruptions: int = 0
    fresh_starts: int = 0


class Commit(msgspec.Struct, frozen=True, kw_only=True):
    """One durable write: `arrived` requests had reached the service when it returned. `intents` holds rows with the
    number of the PUT that is about to leave, `put_aside` those that stay open with the PUTs they have sent so far, and
    `ended` rows with the status that was written. What is put aside comes before the intents of the same write.
    """

    arrived: int
    intents: tuple[tuple[int, int], ...] = ()
    put_aside: tuple[tuple[int, int], ...] = ()
    ended: tuple[tuple[int, Status], ...] = ()


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody else has put a secret on another key, has made it, or, where there is no `key`, has deleted it."""

    at_s: float
    place: Place
    key: str | None


class Reopened(msgspec.Struct, frozen=True, kw_only=True):
    """Rows that had ended as failed or unknown may be sent again from here on."""

    arrived: int


class Violation(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that does not hold, and for which row."""

    rule: str
    row: int | None
    reason: str

    def __str__(self) -> str:
        return f"{self.rule}{'' if self.row is None else f' row {self.row}'}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Everything about one job, over all its sessions.

    `again` are the row numbers of the retry file. `before` and `after` are the secrets' keys at the start and once
    nothing can land any more (`after` None: not known). `tape` is what the ledger took, where somebody listened.
    `others` are secrets that somebody else changed meanwhile, and `changes` how, as far as that is known. `ended_as` is
    what ended the last session: `finished`, `stopped`, or a signal's name. After `by_hand_from` requests a person has
    asked to continue, whatever became of earlier waves.
    """

    asked: tuple[Asked, ...]
    claims: tuple[Claim, ...]
    again: tuple[int, ...]
    records: tuple[Record, ...]
    before: Mapping[Place, str]
    after: Mapping[Place, str] | None = None
    bounds: Bounds = field(default_factory=Bounds)
    tape: tuple[Commit | Reopened, ...] | None = None
    others: frozenset[Place] = frozenset()
    changes: tuple[Change, ...] = ()
    exit_code: int | None = None
    ended_as: str = "finished"
    by_hand_from: float = float("inf")


def claims_of(rows: Iterable[ToldRow]) -> tuple[Claim, ...]:
    """What a ledger tells, as claims."""
    return tuple(
        Claim(
            row=row.outcome.row,
            secret_name=row.secret_name,
            kms_key_id=row.kms_key_id,
            status=row.outcome.status,
            attempts=row.outcome.attempts,
            before_kms_key_id=row.before_kms_key_id,
        )
        for row in rows
    )
