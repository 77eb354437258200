"""The way back of a run: a manifest that moves each secret to the key that it showed before, and why not the others."""

import csv
import io
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec

from jobs.ledger import ToldRow, same_key
from jobs.model import Status
from jobs.rules import Check
from jobs.run_dir.durable import HashingFile, new_file
from reports.campaign.table import line_of
from reports.error import blaming

HEADER = ("secret_name", "kms_key_id", "expected_kms_key_id", "project_id", "region")
ACCOUNT = "account"
"""Only where the run had some."""
LEFT_OUT_HEADER = ("row", "secret_name", "reason")
# The guard makes it safe for a row in doubt: it goes back only from the key of the run.
_CHANGED = frozenset({Status.UPDATED, Status.VERIFIED, Status.UNKNOWN})


class Back(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the manifest that leads back."""

    secret_name: str
    kms_key_id: str
    expected_kms_key_id: str
    project_id: str
    region: str
    account: str | None = None


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """A row that is left out, and why. With `stuck` the run has, or may have, changed it, and it cannot go back."""

    reason: str
    stuck: bool = False


class WayBack(msgspec.Struct, frozen=True, kw_only=True):
    """What was written: rows that go `back`, rows that are `stuck`, and the other rows by the reason for each."""

    back: int
    stuck: dict[str, int]
    others: dict[str, int]


def way_back(row: ToldRow, key_fault: Check) -> Back | Left:
    """How a row goes back, or why not; `key_fault` says what a run would find wrong with a key."""
    status, before = row.outcome.status, row.before_kms_key_id
    if row.left_out:
        return Left(reason="not selected for the run")
    if status not in _CHANGED:
        return Left(reason=f"not changed by the run: {status}")
    if before is None:
        return Left(reason="its key before is not known", stuck=True)
    if same_key(before) == same_key(row.kms_key_id):
        return Left(reason="it was on this key before")
    if key_fault(before) is not None:
        return Left(reason="its key before is not one that a manifest can name", stuck=True)
    return Back(
        secret_name=row.secret_name,
        kms_key_id=before,
        expected_kms_key_id=row.kms_key_id,
        project_id=row.project_id,
        region=row.region,
        account=row.account,
    )


def left_out_of(path: Path) -> Path:
    """Where the rows that do not go back are listed."""
    return path.with_name(f"{path.name}.left-out.csv")


def write_way_back(path: Path, rows: Iterable[ToldRow], key_fault: Check, *, accounts: bool = False) -> WayBack:
    """Writes the manifest, with `accounts` a column for them too, and the list of the rows that are not in it; neither
    may be there already.

    Raises:
        ReportError: a file cannot be written, or is there.
    """
    beside = left_out_of(path)
    with ExitStack() as stack:
        # The manifest appears last: where it is, the list is too.
        stack.enter_context(blaming(path))
        manifest = stack.enter_context(new_file(path))
        stack.enter_context(blaming(beside))
        others = stack.enter_context(new_file(beside))
        ways = ((row, way_back(row, key_fault)) for row in rows)
        return _written(manifest, others, ways, accounts=accounts)


def way_back_json(found: WayBack) -> str:
    """The JSON that is printed for a program."""
    return msgspec.json.format(msgspec.json.encode(found), indent=2).decode()


def _written(
    manifest: HashingFile, others: HashingFile, ways: Iterator[tuple[ToldRow, Back | Left]], *, accounts: bool
) -> WayBack:
    back, stuck, left = 0, dict[str, int](), dict[str, int]()
    manifest.write(_manifest_line((*HEADER, ACCOUNT) if accounts else HEADER))
    others.write(line_of(LEFT_OUT_HEADER).encode())
    for row, way in ways:
        if isinstance(way, Back):
            back += 1
            manifest.write(_manifest_line(msgspec.structs.astuple(way)[: None if accounts else len(HEADER)]))
            continue
        others.write(line_of((row.outcome.row, row.secret_name, way.reason)).encode())
        counts = stuck if way.stuck else left
        counts[way.reason] = counts.get(way.reason, 0) + 1
    return WayBack(back=back, stuck=stuck, others=left)


def _manifest_line(cells: Iterable[Any]) -> bytes:
    """As a manifest is read, so to the letter, and nothing is made safe for a spreadsheet."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue().encode()
