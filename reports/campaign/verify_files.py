"""Writes what a verification found: `verify.csv`, `verify.json` and `verify.html`, and their sums."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from jobs.printable import counted, shortened
from jobs.run_dir.report_files import ReportFiles
from jobs.sightings import Sightings
from reports.campaign.account_column import AccountColumn
from reports.campaign.page import Advice, CampaignPage, Table, Tile, write_campaign_page
from reports.campaign.table import write_table
from reports.campaign.verified import MOST_LISTED, Count, Odd, ProjectFound, Result
from reports.error import blaming
from reports.exit_code import Exit
from reports.moment import clock_text, utc_text
from reports.summary.schema import FileFacts

CSV, JSON, PAGE = "verify.csv", "verify.json", "verify.html"
_NOT_HELD = (
    "Find out who changed the secrets that do not hold. To move them after all, plan the manifest again: the plan says"
    " what a run of it would change now."
)
_HEADER = ("row", "secret_name", "project_id", "kms_key_id", "shown_kms_key_id", "result")


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """A verification for machines; `format` changes with its meaning. Between `started_at` and `ended_at` the service
    was asked, by `requests` in the last session of it; `stopped` says why that ended early. `invalid` rows, those
    `not_selected` and those `carried` along, which the plan of the run could not do, were not asked for.
    `rows_that_do_not_hold` lists the first of those.
    """

    format: int = 1
    version: str
    manifest: str
    manifest_sha256: str
    run_dir: str | None
    started_at: str
    ended_at: str
    exit_code: int
    stopped: str | None
    requests: int
    rows: int
    holds: int
    moved: int
    missing: int
    unread: int
    invalid: int
    not_selected: int
    carried: int = 0
    projects: tuple[ProjectFound, ...]
    rows_that_do_not_hold: tuple[Odd, ...]
    files: tuple[FileFacts, ...] = ()


class VerifyFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known besides the sightings: which rows they are, and when and how the service was asked.
    `unread_as` is the exit code where some could not be read.
    """

    version: str
    manifest: str
    manifest_sha256: str
    run_dir: str | None
    started_at: float
    ended_at: float
    stopped: str | None
    unread_as: int
    requests: int
    invalid: int
    not_selected: int
    carried: int = 0
    again: str
    """The command that asks for what was not read."""


def verify_exit_code(results: dict[Result, int], *, invalid: int, unread_as: int = Exit.STOPPED_EARLY) -> int:
    """The exit code of a verification: what could not be read wins over what does not hold."""
    if results[Result.UNREAD]:
        return unread_as
    return Exit.NOT_ALL_DONE if results[Result.MOVED] or results[Result.MISSING] or invalid else Exit.DONE


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
    page = write_campaign_page(files, PAGE, _page(verified, facts), also=(table,))
    verified = msgspec.structs.replace(verified, files=(table, page))
    with blaming(folder / JSON), files.place(JSON) as out:
        out.write(verified_json(verified))
    with blaming(folder):
        files.seal(())
    return verified


def verified_json(verified: Verified) -> bytes:
    """The content of its file, which is also printed."""
    return msgspec.json.format(msgspec.json.encode(verified), indent=2) + b"\n"


def verified_words(verified: Verified) -> str:
    """The whole in one sentence."""
    if verified.unread:
        return f"{verified.unread:,} of {counted(verified.rows, 'row')} could not be read."
    if others := verified.moved + verified.missing:
        return f"{others:,} of {counted(verified.rows, 'row')} {'does' if others == 1 else 'do'} not hold."
    if verified.invalid and not verified.holds:
        return f"No row could be asked for: {verified.invalid:,} invalid."
    if verified.invalid:
        return f"Every row that was asked for holds, but not every one is valid: {verified.invalid:,} invalid."
    if verified.carried:
        return f"Every row that the plan could do holds: {verified.holds:,} of {counted(verified.rows, 'row')}."
    return f"Every row holds: {counted(verified.holds, 'row')}."


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
    )


def _page(verified: Verified, facts: VerifyFacts) -> CampaignPage:
    wrong = verified.moved + verified.missing + verified.invalid
    advice = []
    if verified.unread:
        advice.append(Advice(why="Ask again for the rows that were not read.", command=facts.again))
    if verified.moved or verified.missing:
        advice.append(Advice(why=_NOT_HELD))
    return CampaignPage(
        what="verify",
        name=shortened(verified.manifest),
        tone="run_again" if verified.unread else "fix_first" if wrong else "done",
        verdict=verified_words(verified),
        when=f"The service was asked from {clock_text(verified.started_at)} to {clock_text(verified.ended_at)} UTC.",
        version=verified.version,
        tiles=(
            Tile(kind="all", name="Rows", rows=verified.rows, detail=_not_asked(verified)),
            _tile("done", "Hold", verified.holds, "the secret shows the key of its row"),
            _tile("fix_first", "Do not", verified.moved + verified.missing, _how(verified)),
            _tile("run_again", "Unread", verified.unread, "nobody could see them"),
        ),
        advice=tuple(advice),
        tables=tuple(_tables(verified)),
        facts=tuple(_facts(verified)),
    )


def _tile(kind: str, name: str, rows: int, detail: str) -> Tile:
    return Tile(kind=kind if rows else "none", name=name, rows=rows, detail=detail if rows else "none")


def _not_asked(verified: Verified) -> str:
    parts = (
        (verified.invalid, "invalid"),
        (verified.not_selected, "not selected"),
        (verified.carried, "the plan could not do"),
    )
    return ", ".join(f"{count:,} {what}" for count, what in parts if count) or "all of them were asked for"


def _how(verified: Verified) -> str:
    parts = ((verified.moved, "on another key"), (verified.missing, "missing"))
    return ", ".join(f"{count:,} {what}" for count, what in parts if count)


def _tables(verified: Verified) -> Iterator[Table]:
    listed, total = verified.rows_that_do_not_hold, verified.moved + verified.missing + verified.unread
    if listed:
        more = f"The first {MOST_LISTED} of {total:,}; {CSV} has all of them." if total > len(listed) else ""
        yield Table(
            title="Rows that do not hold",
            note=more,
            columns=("Row", "Secret", "Project", "Key of the row", "Key shown", "Result", "Why"),
            rows=tuple(
                (
                    one.row,
                    *map(shortened, (one.secret_name, one.project_id, one.kms_key_id, one.shown_kms_key_id)),
                    one.result.value,
                    shortened(one.why),
                )
                for one in listed
            ),
        )
    yield Table(
        title="Projects",
        columns=("Project", "Region", "Hold", "Moved", "Missing", "Unread", "List", "Trouble"),
        rows=tuple(
            (
                one.project_id,
                one.region,
                one.holds,
                one.moved,
                one.missing,
                one.unread,
                "whole" if one.listed else "not whole",
                shortened(one.trouble or ""),
            )
            for one in verified.projects[:MOST_LISTED]
        ),
    )


def _facts(verified: Verified) -> Iterator[tuple[str, str]]:
    yield "Manifest", shortened(verified.manifest)
    yield "SHA-256", verified.manifest_sha256
    if verified.run_dir is not None:
        yield "Run directory", shortened(verified.run_dir)
    yield "Exit code", str(verified.exit_code)
    yield "Stopped", shortened(verified.stopped or "no")
    yield "Requests", f"{verified.requests:,}"
