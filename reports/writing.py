"""Writes all reports of a run in the one order that keeps a crash from looking like success."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from jobs.ledger import Ledger, SessionRecord
from jobs.ledger.passed_rows import PassedRows
from jobs.ledger.record import JobRecord
from jobs.manifest.source import Format
from jobs.run_dir import names
from jobs.run_dir.report_files import ReportFiles
from reports.error import ReportError, blaming
from reports.exit_code import exit_code_on_record
from reports.outcomes import OutcomesLayout, write_outcomes
from reports.retry_file import check_copy, manifest_copy, write_rejected, write_retry
from reports.summary.old_keys import old_key_notice
from reports.summary.open_rows import ListedRow
from reports.summary.projection import summarize
from reports.summary.schema import FileFacts, KeptFile, Summary, remove_summary, write_summary
from reports.summary.session_facts import shard_summary, wave_summary
from reports.summary.tally import Tally


def write_reports(folder: Path, ledger: Ledger, record: JobRecord, exit_code: int | None) -> Summary:
    """Writes every report of a run from its ledger and its copy of the manifest; may be done again at any time.

    The summary of an earlier time goes first and the new one comes last but for the sums, so a folder with a summary
    is consistent, and one without it has whole files, each of the earlier time or of this one. The outcomes need
    nothing but the ledger, so they are there even when the manifest's copy is damaged. A file that somebody changed
    since it was written is kept: the new one gets a name with a number. Without an exit code, it is the one on record.

    Raises:
        ReportError: a file cannot be written, or ledger and manifest copy disagree.
    """
    files = ReportFiles(folder)
    remove_summary(files)
    copy, sessions = manifest_copy(folder, record), ledger.told.sessions()
    tally = Tally(origin_s=sessions[0].started_at if sessions else 0.0)
    passed = PassedRows()
    outcomes = _write_outcomes(files, ledger, record, tally, passed)
    _add_pace(tally, ledger)
    check_copy(copy)
    written = (outcomes, *_cut(files, ledger, record, tally))
    summary = summarize(
        record=record,
        tally=tally,
        scopes=ledger.told.scopes(passed),
        sessions=sessions,
        held_keys=ledger.told.held_keys(),
        keys=ledger.told.keys(passed),
        exit_code=_on_record(record, tally, sessions) if exit_code is None else exit_code,
        files=written,
    )
    summary = msgspec.structs.replace(
        summary,
        waves=tuple(map(wave_summary, ledger.told.waves())),
        shards=tuple(map(shard_summary, record.shards)),
        notice=old_key_notice(summary.keys, folder),
    )
    summary = _complete(files, summary, tally.open_rows.kept())
    with blaming(folder / names.SUMS):
        files.seal([(copy.path.name, copy.sha256)])
    return summary


def _on_record(record: JobRecord, tally: Tally, sessions: Sequence[SessionRecord]) -> int:
    return exit_code_on_record(sessions, record.shards, tally.counts(), carried=tally.carried)


def _write_outcomes(
    files: ReportFiles, ledger: Ledger, record: JobRecord, tally: Tally, passed: PassedRows
) -> FileFacts:
    layout = OutcomesLayout(
        lines=manifest_copy(files.folder, record).format is not Format.PARQUET,
        accounts=any(one.scope.account for one in ledger.told.accounts()),
        gaps=record.spec.shard is not None,
    )
    facts = write_outcomes(files, ledger.told.blocks(passed), layout, tally)
    if tally.rows != record.rows:
        reason = f"the ledger has {tally.rows} rows, and {record.rows} were loaded"
        raise ReportError(files.folder / facts.name, reason)
    return facts


def _cut(files: ReportFiles, ledger: Ledger, record: JobRecord, tally: Tally) -> Iterator[FileFacts]:
    yield write_retry(files, record, tally.run_again)
    yield write_rejected(files, ledger, record, tally.fix_first)


def _add_pace(tally: Tally, ledger: Ledger) -> None:
    began = {session.id: session.started_at for session in ledger.told.sessions()}
    for session, cell in ledger.told.pace():
        tally.timeline.add_pace(began[session], cell)


def withdraw_summary(folder: Path) -> None:
    """Takes the summary of an earlier time away: from now on it is not true any more.

    Raises:
        ReportError: the folder cannot be written.
    """
    remove_summary(ReportFiles(folder))


def _complete(files: ReportFiles, summary: Summary, open_rows: tuple[ListedRow, ...]) -> Summary:
    """Writes the page and then the summary that names all files."""
    from reports.page.page import write_page  # noqa: PLC0415 - what draws is not needed to tell how a run stands

    page = write_page(files, summary, open_rows)
    with blaming(files.folder / names.SUMMARY):
        own = files.next_name(names.SUMMARY)
    names_of = (*files.kept, *(((names.SUMMARY, own),) if own != names.SUMMARY else ()))
    kept = tuple(KeptFile(name=name, written_as=new) for name, new in names_of)
    summary = msgspec.structs.replace(summary, files=(*summary.files, page), kept_files=kept)
    write_summary(files, summary)
    return summary
