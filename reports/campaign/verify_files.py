"""Writes what a verification found: `verify.csv`, `verify.json` and `verify.html`, and their sums."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from jobs.run_dir.report_files import ReportFiles
from jobs.sightings import Sightings
from reports.campaign.account_column import AccountColumn
from reports.campaign.table import write_table
from reports.campaign.verified import Count, Result
from reports.campaign.verify_document import CSV, JSON, Verified, VerifyFacts, verified_json, verify_exit_code
from reports.campaign.verify_page import write_verify_page
from reports.error import blaming
from reports.moment import utc_text

_HEADER = ("row", "secret_name", "project_id", "kms_key_id", "shown_kms_key_id", "result")


def write_verified(folder: Path, sightings: Sightings, facts: VerifyFacts) -> Verified:
    """Writes all of it; the JSON file last but for the sums.

    Raises:
        ReportError: a file cannot be written.
    """
    files = ReportFiles(folder)
    with blaming(folder / JSON):
        files.withdraw(JSON)
    projects = sightings.projects()
    count, accounts = Count(projects), AccountColumn(projects)
    table = write_table(files, CSV, accounts.header(_HEADER), _lines(sightings, count, accounts))
    verified = _verified(facts, count)
    page = write_verify_page(files, verified, facts, table)
    verified = msgspec.structs.replace(verified, files=(table, page))
    with blaming(folder / JSON), files.place(JSON) as out:
        out.write(verified_json(verified))
    with blaming(folder):
        files.seal(())
    return verified


def _lines(sightings: Sightings, count: Count, accounts: AccountColumn) -> Iterator[tuple[object, ...]]:
    for one in sightings.shown.matched():
        wanted, judged = one.wanted, count.judge(one)
        said = f"{judged.result} ({judged.why})" if judged.result is Result.NOT_ASKED else judged.result
        cells = (wanted.row, wanted.name, wanted.project_id, wanted.kms_key_id, judged.shown_kms_key_id, said)
        yield accounts.line(cells, wanted.project_id)


def _verified(facts: VerifyFacts, count: Count) -> Verified:
    found = count.results
    return Verified(
        version=facts.version,
        manifest=facts.manifest,
        manifest_sha256=facts.manifest_sha256,
        run_dir=facts.run_dir,
        started_at=utc_text(facts.started_at),
        ended_at=utc_text(facts.ended_at),
        exit_code=verify_exit_code(found, invalid=facts.invalid, unread_as=facts.unread_as),
        stopped=facts.stopped,
        requests=facts.requests,
        asked_by=facts.asked_by,
        rows=sum(found.values()),
        holds=found[Result.HOLDS],
        moved=found[Result.MOVED],
        missing=found[Result.MISSING],
        unread=found[Result.UNREAD],
        invalid=facts.invalid,
        not_selected=facts.not_selected,
        carried=facts.carried,
        projects=count.projects(),
        rows_that_do_not_hold=tuple(count.odd),
        shard=facts.shard,
    )
