"""`plan.html`: the plan for people, who approve it by the number that it shows."""

from collections.abc import Iterator

from jobs.plan.action import Action
from jobs.plan.document import PAGE, PREVIEW, UNCOVERED, Plan
from jobs.printable import counted, shortened
from jobs.run_dir.report_files import ReportFiles
from reports.campaign.page import Advice, CampaignPage, Table, Tile, write_campaign_page
from reports.moment import clock_text, utc_text
from reports.plan.words import NOT_WHOLE, action_words, duration_words, key_words, part_words, verdict
from reports.summary.schema import FileFacts

_MOST = 100
_TONES = {Action.CHANGE: "done", Action.UNCHANGED: "done", Action.UNREAD: "run_again"}
"""The colours of the report; what is not named here has to be fixed first."""
_OLD_KEY = "A run moves the pointer of a secret: only versions made later use the new key. Keep the old key enabled."


def write_plan_page(
    files: ReportFiles, plan: Plan, sha256: str, command: str, also: tuple[FileFacts, ...]
) -> FileFacts:
    """Writes the page of a plan whose `plan.json` has that SHA-256 and that `command` runs, with the files beside it.

    Raises:
        ReportError: it cannot be written.
    """
    page = CampaignPage(
        what="plan",
        name=shortened(plan.source.name or "by old key"),
        tone="fix_first" if plan.undone else "run_again" if plan.exit_code else "done",
        verdict=f"{verdict(plan)}.",
        when=_when(plan),
        version=plan.version,
        tiles=tuple(_tiles(plan)),
        notice=("Old key", _OLD_KEY),
        advice=tuple(_advice(plan, command)),
        tables=tuple(_tables(plan)),
        facts=tuple(_facts(plan, sha256)),
    )
    return write_campaign_page(files, PAGE, page, also=also)


def _when(plan: Plan) -> str:
    looked, made = (clock_text(utc_text(moment)) for moment in (plan.started_at, plan.made_at))
    return f"Made {made} UTC by {plan.made_by}, from what the service showed since {looked}. Nothing was changed."


def _tiles(plan: Plan) -> Iterator[Tile]:
    detail = f"{plan.left_out:,} of them not selected" if plan.left_out else "in the plan"
    yield Tile(kind="all", name="Rows", rows=plan.rows, detail=detail)
    for count in plan.counts:
        yield Tile(
            kind=_TONES.get(count.action, "fix_first"),
            name=_name(count.action),
            rows=count.rows,
            detail=action_words(count.action),
        )


def _advice(plan: Plan, command: str) -> Iterator[Advice]:
    if plan.shard is not None:
        yield Advice(why=_sentence(part_words(plan)))
    elif plan.not_whole:
        yield Advice(why=_sentence(NOT_WHOLE))
    elif plan.to_run:
        size = f"{counted(plan.requests, 'request')}; duration {duration_words(plan)}"
        words = f"Run exactly this plan, once it is approved: {size}."
        yield Advice(why=words, command=command)
    if plan.undone:
        yield Advice(why=f"Mend the rows that cannot be done, and plan again: {PREVIEW} says what is wrong with each.")
    if plan.blocked:
        words = f"{counted(plan.blocked, 'secret')} on an old key, pending deletion or frozen: no change is possible"
        yield Advice(why=f"{words}. {PREVIEW} has them without a row number.")
    if uncovered := sum(project.uncovered for project in plan.projects):
        yield Advice(why=f"{counted(uncovered, 'secret')} on an old key and in no usable row: see {UNCOVERED}.")


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."


def _tables(plan: Plan) -> Iterator[Table]:
    if plan.keys:
        yield Table(
            title="New keys",
            note=_more(len(plan.keys)),
            columns=("New key", "Alias", "Project", "State", "Rows", "Old keys"),
            rows=tuple(
                (
                    *map(shortened, (key.kms_key_id, key.alias, key.project_id, key_words(key))),
                    key.rows,
                    shortened(", ".join(key.old_keys)),
                )
                for key in plan.keys[:_MOST]
            ),
        )
    actions = [count.action for count in plan.counts]
    yield Table(
        title="Projects",
        note=_more(len(plan.projects)),
        columns=("Project", "Region", "Secrets", *map(_name, actions), "Not covered", "Trouble"),
        rows=tuple(
            (
                project.project_id,
                project.region,
                project.secrets,
                *map(project.rows_of, actions),
                project.uncovered,
                shortened(project.trouble or ""),
            )
            for project in plan.projects[:_MOST]
        ),
    )


def _facts(plan: Plan, sha256: str) -> Iterator[tuple[str, str]]:
    if plan.shard is not None:
        yield "Shard", plan.shard
    elif plan.to_run and not plan.not_whole:
        yield "Number to approve", sha256
    if plan.source.name is not None:
        yield "Source", shortened(plan.source.name)
    if plan.source.sha256 is not None:
        yield "Its SHA-256", plan.source.sha256
    for endpoint in sorted({project.endpoint for project in plan.projects}):
        yield "Endpoint", endpoint
    yield "Login", plan.login
    yield "Requests made", f"{plan.looked_with:,}"
    yield "Exit code", str(plan.exit_code)


def _more(total: int) -> str:
    return f"The first {_MOST} of {total:,}; plan.json has all of them." if total > _MOST else ""


def _name(action: Action) -> str:
    return action.value.replace("_", " ").capitalize()
