"""The two files cut from the manifest: rows to retry, itself a manifest, and rows to fix first, with reasons."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from jobs.ledger import Ledger, ToldRow
from jobs.ledger.record import JobRecord
from jobs.manifest import cut_lines
from jobs.manifest.source import Format, ManifestCopy
from jobs.model import Group
from jobs.problem import ManifestError
from jobs.run_dir import names
from jobs.run_dir.own_file import open_own
from jobs.run_dir.report_files import ReportFiles
from reports.error import blaming
from reports.summary.row_numbers import RowNumbers
from reports.summary.schema import FileFacts


def manifest_copy(folder: Path, record: JobRecord) -> ManifestCopy:
    """The manifest's copy in the run directory, not yet looked at."""
    facts = record.manifest
    return ManifestCopy(
        path=folder / facts.copy,
        sha256=facts.sha256,
        size=facts.size_bytes,
        name=facts.name,
        separator=record.spec.delimiter,
    )


def check_copy(copy: ManifestCopy) -> None:
    """Makes sure that the copy still is what the ledger was loaded from.

    Raises:
        ReportError: it is missing, unreadable, or not the same bytes.
    """
    with blaming(copy.path):
        with os.fdopen(open_own(copy.path, os.O_RDONLY), "rb") as raw:
            found = hashlib.file_digest(raw, "sha256").hexdigest()
        if found != copy.sha256:
            reason = f"the copy in the run directory was changed: SHA-256 is {found}, and {copy.sha256} was loaded"
            raise ManifestError(copy.problem(reason))


def write_retry(files: ReportFiles, record: JobRecord, rows: Iterable[int]) -> FileFacts:
    """Writes `retry.<format>`: exactly the rows to retry, whose numbers ascend, as the manifest has them.

    Raises:
        ReportError: it cannot be written, or the copy and the ledger disagree.
    """
    return _cut(files, names.RETRY, record, iter(rows))


def write_rejected(files: ReportFiles, ledger: Ledger, record: JobRecord, rows: RowNumbers) -> FileFacts:
    """Writes `rejected.<format>`: exactly the rows to fix first, and why.

    Raises:
        ReportError: it cannot be written, or the copy and the ledger disagree.
    """
    return _cut(files, names.REJECTED, record, iter(rows), ledger.told.rows_of(Group.FIX_FIRST) if rows else iter(()))


def _cut(
    files: ReportFiles, stem: str, record: JobRecord, rows: Iterator[int], told: Iterator[ToldRow] | None = None
) -> FileFacts:
    copy, total = manifest_copy(files.folder, record), record.manifest.rows
    name = f"{stem}.{copy.format}"
    with blaming(files.folder / name), files.place(name) as out:
        if copy.format is Format.PARQUET:
            from jobs.manifest import cut_batches  # noqa: PLC0415 - 60 MB that reports of a text manifest do without

            written = cut_batches.copy_rows(copy, rows, told, total=total, out=out)
        else:
            written = cut_lines.copy_rows(copy, record.spec.encoding, rows, told, total=total, out=out)
    return FileFacts(name=files.name_of(name), sha256=out.sha256, bytes=out.size, rows=written)
