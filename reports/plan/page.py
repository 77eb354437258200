"""`plan.html`: the plan for people, who approve it by the number that it shows."""

from jobs.plan.action import Action
from jobs.plan.document import PAGE, Plan
from jobs.run_dir.report_files import ReportFiles
from reports.error import blaming
from reports.moment import clock_text, utc_text
from reports.page.page import asset, rendered
from reports.plan.words import action_words, duration_words, key_words, run_command, verdict

_MOST = 100
_GROUPS = {Action.CHANGE: "done", Action.UNCHANGED: "done", Action.UNREAD: "run_again"}
"""The colours of the report; what is not named here has to be fixed first."""


def write_plan_page(files: ReportFiles, plan: Plan, sha256: str) -> None:
    """Writes the page of a plan whose `plan.json` has that SHA-256.

    Raises:
        ReportError: it cannot be written.
    """
    text = rendered(
        asset("plan.html", "reports.plan"),
        style=asset("report.css"),
        script=asset("report.js"),
        plan=plan,
        sha256=sha256,
        verdict=verdict(plan),
        tone="fix_first" if plan.undone else "run_again" if plan.exit_code else "done",
        made_at=clock_text(utc_text(plan.made_at)),
        actions=[(count, _GROUPS.get(count.action, "fix_first"), action_words(count.action)) for count in plan.counts],
        keys=[(key, key_words(key)) for key in plan.keys[:_MOST]],
        projects=plan.projects[:_MOST],
        columns=[count.action for count in plan.counts],
        uncovered=sum(project.uncovered for project in plan.projects),
        duration=duration_words(plan),
        command=run_command(files.folder, sha256) if plan.to_run else None,
    )
    with blaming(files.folder / PAGE), files.place(PAGE) as out:
        out.write(text.encode())
