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
    """The manifest as it was loaded: `name` as the user gave it, `copy` its file name in the run directory."""

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


class JobRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Stored once, when the job is loaded."""

    version: str
    spec: JobSpec
    manifest: ManifestFacts
    created_at: Moment
    plan: PlanFacts | None = None


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
