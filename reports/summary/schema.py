"""`summary.json`: a run for machines, complete by its very presence, since it is the last file to be written."""

import inspect
from pathlib import Path
from typing import Any, Literal

import msgspec

from jobs.job_facts import JobFacts
from jobs.model import Group, Status
from jobs.run_dir import names
from jobs.run_dir.own_file import read_own
from jobs.run_dir.report_files import ReportFiles
from reports.error import ReportError, blaming
from reports.summary.sessions import HeldKeySummary, KeySummary, PlanSummary, SessionSummary, ShardSummary, WaveSummary
from reports.summary.sketch import Percentiles
from reports.summary.timeline import OverTime


class FileFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One whole file of a run directory: `rows` counts the manifest rows it lists, not its header."""

    name: str
    sha256: str
    bytes: int
    rows: int


class KeptFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that somebody changed since it was written, so it was kept; the new one is `written_as`."""

    name: str
    written_as: str


class ManifestSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The manifest under the name its user gave it; `sha256` and `bytes` are of the file as it came, and `rows` how
    many of its rows are reported here: all, or those of a shard.
    """

    name: str
    sha256: str
    bytes: int
    rows: int


class ByStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Rows by status."""

    updated: int
    verified: int
    unchanged: int
    rejected: int
    drifted: int
    invalid: int
    failed: int
    unknown: int
    not_attempted: int

    def of(self, status: Status) -> int:
        """Rows of one status."""
        rows: int = getattr(self, status.value)
        return rows


class ByGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Rows by what has to be done about them; with those left out they add up to all rows."""

    done: int
    fix_first: int
    run_again: int

    def of(self, group: Group) -> int:
        """Rows of one group."""
        rows: int = getattr(self, group.value)
        return rows


class ScopeSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One endpoint and project; `stopped` says why the rest of its rows was not attempted, if it was. `unlisted` says
    why its secrets could not be listed, and of `without_key_before` rows, which were or may have been changed, the
    key before is not known.

    Rows that have no usable place belong to no scope: with `rows_without_project` the scopes add up to all rows.
    """

    endpoint: str
    project_id: str
    region: str | None
    rows: int
    done: int
    fix_first: int
    run_again: int
    stopped: str | None
    left_out: int = 0
    unlisted: str | None = None
    without_key_before: int = 0


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """A row that ended with some error."""

    row: int
    secret_name: str
    message: str | None
    request_id: str | None


class ErrorSummary(msgspec.Struct, frozen=True, kw_only=True):
    """Rows that are not done for the same reason, and the first of them; `error_code` is empty where there was none.

    Where the code blames a KMS key, these are the rows of that key, and `key_state` is what is wrong with it in words.
    """

    status: Status
    error_code: str
    rows: int
    samples: tuple[Sample, ...]
    kms_key_id: str | None = None
    key_state: str | None = None


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """When it ran. Over all runs and resumes: `wall_s` is the sum of those whose end is on record.

    `rows_attempted` counts rows for which a PUT may have left, `rows_attempted_per_s` is that divided by `wall_s`, and
    null unless the end of every run and resume is on record.
    """

    started_at: str | None
    ended_at: str | None
    sessions: int
    wall_s: float
    rows_attempted: int
    rows_attempted_per_s: float | None


class AttemptCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows took so many PUTs; 20 stands for 20 or more."""

    attempts: int
    rows: int


class ElapsedMs(msgspec.Struct, frozen=True, kw_only=True):
    """First send to last answer, in milliseconds: of the rows that took one PUT, which is the service's own time, and
    of all rows that were sent, waits between attempts included.
    """

    one_attempt: Percentiles | None
    all_rows: Percentiles | None


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """All of it. Texts of the service and of the manifest are printable; moments are UTC, ISO 8601.

    `left_out` rows were not selected for this job, or are `carried` along because its plan could not do them; they
    stand in `outcomes.csv`, and only there. Of the target keys, those with the most rows are listed, and there are
    `more_keys`. `waves` are in the order in which they run. With `shards`, these were merged. Of the `unknown` rows,
    `unknown_ended` have used up their attempts, and only `resume --failed` takes them up; the others are in doubt
    because the run did, and any `resume` takes them up. It is null in the files of releases that did not count them.
    """

    schema: Literal["csms-rekey/summary/1"] = "csms-rekey/summary/1"
    version: str
    notice: str
    exit_code: int
    stopped: str | None
    job: JobFacts
    manifest: ManifestSummary
    by_status: ByStatus
    by_group: ByGroup
    scopes: tuple[ScopeSummary, ...]
    errors: tuple[ErrorSummary, ...]
    timing: Timing
    elapsed_ms: ElapsedMs
    attempts: tuple[AttemptCount, ...]
    over_time: OverTime
    files: tuple[FileFacts, ...]
    sessions: tuple[SessionSummary, ...] = ()
    held_keys: tuple[HeldKeySummary, ...] = ()
    left_out: int = 0
    carried: int = 0
    kept_files: tuple[KeptFile, ...] = ()
    rows_without_project: int = 0
    keys: tuple[KeySummary, ...] = ()
    more_keys: int = 0
    waves: tuple[WaveSummary, ...] = ()
    shards: tuple[ShardSummary, ...] = ()
    plan: PlanSummary | None = None
    unknown_ended: int | None = None


def summary_json(summary: Summary) -> bytes:
    """The content of a summary's file, which is also printed and posted."""
    return msgspec.json.format(msgspec.json.encode(summary), indent=2) + b"\n"


def summary_schema() -> bytes:
    """The JSON Schema (2020-12) of `summary.json`."""
    return msgspec.json.format(msgspec.json.encode(_dedented(msgspec.json.schema(Summary))), indent=2) + b"\n"


def _dedented(schema: Any) -> Any:
    """The schema with its descriptions as Python 3.13 has them: docstrings without the indentation of their source."""
    if isinstance(schema, list):
        return [_dedented(value) for value in schema]
    if isinstance(schema, dict):
        return {
            key: inspect.cleandoc(value) if key == "description" and isinstance(value, str) else _dedented(value)
            for key, value in schema.items()
        }
    return schema


def read_summary_text(folder: Path) -> str:
    """The summary as its file has it, without its last line end.

    Raises:
        ReportError: there is none, or it cannot be read.
    """
    path = folder / names.SUMMARY
    with blaming(path):
        path = ReportFiles(folder).current(names.SUMMARY) or path
        text = read_own(path)
    try:
        return text.decode().rstrip("\n")
    except UnicodeDecodeError as error:
        raise ReportError(path, "not what a run writes; remove it, and `report` writes it again") from error


def remove_summary(files: ReportFiles) -> None:
    """Takes the summary away, durably: whatever changes in the folder from now on, it is not taken for complete.

    Raises:
        ReportError: the folder cannot be written.
    """
    with blaming(files.folder / names.SUMMARY):
        files.withdraw(names.SUMMARY)


def write_summary(files: ReportFiles, summary: Summary) -> None:
    """Writes it whole; every other file must be in place already.

    Raises:
        ReportError: it cannot be written.
    """
    with blaming(files.folder / names.SUMMARY), files.place(names.SUMMARY) as out:
        out.write(summary_json(summary))
