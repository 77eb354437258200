"""What a ledger knows of its job besides the rows: the spec, the manifest it was loaded from, and by which release."""

from typing import Annotated

import msgspec

from jobs.ledger import Ledger
from jobs.ledger.schema import unreadable
from jobs.ledger.tables import RELEASE
from jobs.model import Count, Moment
from jobs.spec import JobSpec

_KEY = "job"
_COPY = r"^manifest\.(csv|tsv|parquet)(\.(gz|zst))?$"


class ManifestFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The manifest that was loaded: `name` as the user gave it, `copy` its file name in the run directory."""

    name: str
    copy: Annotated[str, msgspec.Meta(pattern=_COPY)]
    sha256: str
    size_bytes: Count
    rows: Count


class PlanFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The plan that a job was loaded from: `sha256` is that of its `plan.json`, the number that an approval names, and
    `folder` is where it was.
    """

    sha256: str
    made_at: Moment
    made_by: str
    folder: str = ""


class ShardFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A shard as it stood when it was merged: `open_rows` of its rows had not ended, and `stopped` says why its last
    session did; without an `exit_code` none has ended. `sessions` are their numbers in the ledger of the whole, and
    `changed` the options in which its job differs from that of the whole. Of one that is `missing` nothing is known.
    """

    index: Count
    rows: Count = 0
    open_rows: Count = 0
    exit_code: int | None = None
    stopped: str | None = None
    missing: bool = False
    sessions: tuple[int, ...] = ()
    changed: str = ""

    @property
    def over(self) -> bool:
        """Whether every row of it has ended."""
        return not (self.missing or self.open_rows)


class JobRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Stored once, when the job is loaded."""

    version: str
    spec: JobSpec
    manifest: ManifestFacts
    created_at: Moment
    plan: PlanFacts | None = None
    rows_here: Count | None = None
    """How many rows of the manifest the ledger holds, where it is that of a shard."""
    shards: tuple[ShardFacts, ...] = ()
    """The shards that were merged into it; where there are any, nothing can be run from it."""

    @property
    def rows(self) -> int:
        """The rows that are reported."""
        return self.manifest.rows if self.rows_here is None else self.rows_here


def to_meta(record: JobRecord) -> tuple[tuple[str, str], ...]:
    """The record as the ledger stores it."""
    return ((_KEY, msgspec.json.encode(record).decode()), (RELEASE, record.version))


def read_record(ledger: Ledger) -> JobRecord:
    """Reads it back.

    Raises:
        LedgerError: the ledger holds none, or one that this release can make nothing of.
    """
    try:
        return msgspec.json.decode(ledger.meta(_KEY), type=JobRecord)
    except msgspec.DecodeError as error:
        raise unreadable(ledger.path, "its job", error) from error
