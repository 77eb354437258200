"""`retire.html`: whether the old keys may be retired, for people, with one sentence at the top."""

from collections.abc import Iterator

from jobs.printable import counted, shortened
from jobs.retirement import Verdict
from jobs.run_dir.report_files import ReportFiles
from reports.campaign.page import Advice, CampaignPage, Table, Tile, write_campaign_page
from reports.moment import clock_text
from reports.retirement.document import DOCUMENT, PAGE, USES, KeyResult, OwnerResult, Retirement
from reports.retirement.words import NO_KEY_THERE
from reports.summary.schema import FileFacts

_MOST = 100
_MOST_STATES = 5
_OWNER_CHARS = 40
_TONES = {Verdict.FREE: "done", Verdict.NEEDED: "fix_first", Verdict.INCOMPLETE: "run_again"}
_HOW_IT_BECOMES_FREE = (
    "A new version of a secret is made with the key that the secret points at. It becomes the current version, and the"
    " one before it the previous version. Versions older than that lose their stage, and count until the service"
    f" removes them; one with a stage of your own stays until you move that stage. {USES} lists every"
    " pointer and every version."
)
_WAIT = (
    "Disable a key before you delete it, and wait: what still needs it fails then, and the key can be enabled again."
)


def write_retirement_page(files: ReportFiles, document: Retirement, *, again: str) -> FileFacts:
    """Writes the page; `again` is the command that looks once more.

    Raises:
        ReportError: it cannot be written.
    """
    return write_campaign_page(files, PAGE, _page(document, again), also=document.files)


def _page(document: Retirement, again: str) -> CampaignPage:
    pointers = sum(key.uses.pointer for key in document.keys)
    versions = sum(key.uses.versions for key in document.keys)
    seen = Tile(
        kind="all",
        name="Looked at",
        rows=document.secrets,
        detail=f"secrets with {counted(document.versions, 'version')}",
    )
    verdict, cause = _heading(document.sentence)
    return CampaignPage(
        what="retire",
        name=shortened(document.run_dir or ""),
        tone=_TONES[document.verdict],
        verdict=verdict,
        cause=cause,
        when=(
            f"The service was asked from {clock_text(document.started_at)} to {clock_text(document.ended_at)} UTC."
            " Nothing was changed, and no value was read."
        ),
        version=document.version,
        tiles=(
            seen,
            _tile("Pointers", pointers, "secrets point at an old key"),
            _tile("Versions", versions, "versions were made with an old key"),
        ),
        notice=("What is not seen", f"This page cannot see {'; '.join(document.not_seen)}. {_WAIT}"),
        advice=tuple(_advice(document, again)),
        tables=tuple(_tables(document)),
        facts=tuple(_facts(document)),
    )


def _heading(sentence: str) -> tuple[str, str | None]:
    """The sentence on one key says why behind a colon: that stands below the heading."""
    what, _, why = sentence.partition(": ")
    return (f"{what}.", f"{why[0].upper()}{why[1:]}") if why else (sentence, None)


def _tile(name: str, rows: int, detail: str) -> Tile:
    return Tile(kind="fix_first" if rows else "none", name=name, rows=rows, detail=detail)


def _advice(document: Retirement, again: str) -> Iterator[Advice]:
    match document.verdict:
        case Verdict.FREE if document.shard is not None:
            yield Advice(why="Merge all shards: only the whole says whether the key is free.")
        case Verdict.FREE:
            yield Advice(why="Disable the key. Delete it only once nothing has failed for a while.")
        case Verdict.NEEDED:
            yield Advice(why="Do what the table below says, then look again.", command=again)
        case Verdict.INCOMPLETE:
            gaps = any(one.not_read for one in document.projects)
            what = "Mend what was in the way, as the table below says" if gaps else "Check the id of the key"
            yield Advice(why=f"{what}, then look again.", command=again)


def _tables(document: Retirement) -> Iterator[Table]:
    if document.owners:
        yield _todo(document)
    missing = [(one, gap) for one in document.projects for gap in one.not_read]
    if missing:
        yield Table(
            title="What was not read",
            note=_more(len(missing)),
            columns=("Project", "What", "For example"),
            rows=tuple((one.project_id, gap.words, ", ".join(gap.samples)) for one, gap in missing[:_MOST]),
        )
    yield _keys(document)
    yield _projects(document)


def _keys(document: Retirement) -> Table:
    return Table(
        title="Keys",
        note=_more(len(document.keys)),
        columns=("Old key", "Verdict", "Secrets", "Pointers", "Current", "Previous", "Other", "What KMS says"),
        rows=tuple(
            (
                key.kms_key_id,
                key.verdict.value,
                key.uses.secrets,
                key.uses.pointer,
                key.uses.current,
                key.uses.previous,
                key.uses.other,
                _kms_words(key),
            )
            for key in document.keys[:_MOST]
        ),
    )


def _kms_words(key: KeyResult) -> str:
    """What it says in the projects that have the key."""
    there = [one for one in key.states if one.state != NO_KEY_THERE]
    words = "; ".join(f"{one.state} in {one.project_id}" for one in there[:_MOST_STATES])
    return words or "not found in any project"


def _projects(document: Retirement) -> Table:
    return Table(
        title="Projects",
        note=_more(len(document.projects)),
        columns=("Project", "Region", "Endpoint", "Secrets", "Versions", "Secrets on an old key", "Read completely"),
        rows=tuple(
            (
                one.project_id,
                one.region,
                one.endpoint,
                one.secrets,
                one.versions,
                one.uses.secrets,
                "no" if one.not_read else "yes",
            )
            for one in document.projects[:_MOST]
        ),
    )


def _todo(document: Retirement) -> Table:
    more = len(document.owners) + document.more_owners - _MOST
    by_owner = document.owner_column is not None
    return Table(
        title="How the keys become free",
        note=f"{_HOW_IT_BECOMES_FREE}{f' {more:,} owners more are in {DOCUMENT} or {USES}.' if more > 0 else ''}",
        columns=(*((document.owner_column or "",) if by_owner else ()), "Secrets", "What to do", "For example"),
        rows=tuple(row for owner in document.owners[:_MOST] for row in _todo_rows(owner, by_owner=by_owner)),
    )


def _todo_rows(owner: OwnerResult, *, by_owner: bool) -> Iterator[tuple[str | int | None, ...]]:
    for one in owner.todos:
        name = (shortened(owner.owner, _OWNER_CHARS) or "not named",) if by_owner else ()
        yield (*name, one.secrets, one.todo.value, ", ".join(map(shortened, one.samples)))


def _facts(document: Retirement) -> Iterator[tuple[str, str]]:
    if document.run_dir is not None:
        yield "Run directory", shortened(document.run_dir)
    if document.shard is not None:
        yield "Shard", document.shard
    if document.asked_by:
        yield "Asked by", document.asked_by
    yield "Exit code", str(document.exit_code)
    yield "Stopped", document.stopped or "no"
    yield "Requests", f"{document.requests:,}"


def _more(count: int) -> str:
    return f"The first {_MOST} of {count:,}; {DOCUMENT} has all of them." if count > _MOST else ""
