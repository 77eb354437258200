"""`verify.html`: what a verification found, for people."""

from collections.abc import Iterator

from jobs.printable import shortened
from jobs.run_dir.report_files import ReportFiles
from reports.campaign.page import Advice, CampaignPage, Table, Tile, write_campaign_page
from reports.campaign.verified import MOST_LISTED
from reports.campaign.verify_document import CSV, PAGE, Verified, VerifyFacts, moved_words, verified_words
from reports.moment import clock_text
from reports.summary.schema import FileFacts

_PLAN_AGAIN = "To move them after all, plan the manifest again: the plan shows what a run would change now."


def write_verify_page(files: ReportFiles, verified: Verified, facts: VerifyFacts, table: FileFacts) -> FileFacts:
    """Writes the page, with the table beside it.

    Raises:
        ReportError: it cannot be written.
    """
    return write_campaign_page(files, PAGE, _page(verified, facts), also=(table,))


def _page(verified: Verified, facts: VerifyFacts) -> CampaignPage:
    wrong = verified.moved + verified.missing + verified.invalid
    advice = []
    if verified.unread:
        advice.append(Advice(why="Ask again for the rows that were not read.", command=facts.again))
    if verified.moved or verified.missing:
        advice.append(Advice(why=f"{moved_words(verified)} {_PLAN_AGAIN}"))
    return CampaignPage(
        what="verify",
        name=shortened(verified.run_dir or verified.manifest),
        tone="run_again" if verified.unread else "fix_first" if wrong else "done",
        verdict=verified_words(verified),
        when=f"The service was asked from {clock_text(verified.started_at)} to {clock_text(verified.ended_at)} UTC.",
        version=verified.version,
        cause=None if verified.stopped is None else f"Cause: {shortened(verified.stopped)}",
        tiles=(
            Tile(kind="all", name="Rows", rows=verified.rows, detail=_not_asked(verified)),
            _tile("done", "On their key", verified.holds, "the secret shows the key of its row"),
            _tile("fix_first", "Not on their key", verified.moved + verified.missing, _how(verified)),
            _tile("run_again", "Not read", verified.unread, "the service did not show them"),
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
    return ", ".join(f"{count:,} {what}" for count, what in parts if count) or "all of them were checked"


def _how(verified: Verified) -> str:
    parts = ((verified.moved, "on another key"), (verified.missing, "missing"))
    return ", ".join(f"{count:,} {what}" for count, what in parts if count)


def _tables(verified: Verified) -> Iterator[Table]:
    listed, total = verified.rows_that_do_not_hold, verified.moved + verified.missing + verified.unread
    if listed:
        more = f"The first {MOST_LISTED} of {total:,}; {CSV} has all of them." if total > len(listed) else ""
        yield Table(
            title="Rows to look at",
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
        columns=("Project", "Region", "On their key", "Moved", "Missing", "Not read", "List", "Trouble"),
        rows=tuple(
            (
                one.project_id,
                one.region,
                one.holds,
                one.moved,
                one.missing,
                one.unread,
                "complete" if one.listed else "incomplete",
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
    if verified.shard is not None:
        yield "Shard", verified.shard
    if verified.asked_by:
        yield "Asked by", verified.asked_by
    yield "Exit code", str(verified.exit_code)
    yield "Stopped", shortened(verified.stopped or "no")
    yield "Requests", f"{verified.requests:,}"
