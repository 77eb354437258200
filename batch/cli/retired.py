"""What a retirement comes to, for the screen, and the command that looks again."""

from collections.abc import Sequence
from pathlib import Path

from batch.cli.command_lines import command_line, login_options
from batch.cli.questions import RetireQuestion
from batch.cli.screen import tell, tell_json
from jobs.job_facts import job_facts, options_of
from jobs.model import Scope
from jobs.retirement import Verdict
from reports.retirement.document import PAGE, USES, Retirement, retirement_json
from reports.retirement.words import lines


def again(question: RetireQuestion, whole: Sequence[Scope]) -> str:
    """The command that looks again; of the shard of a `whole` at those projects of it."""
    keys = [word for key in question.key_ids for word in ("--old-key", key)]
    spec = question.spec
    if question.run_dir is not None:
        # A run that is a shard itself has no whole that is known.
        part = ("--shard", str(spec.shard), "--shard-by", spec.shard_by.value) if spec.shard and whole else ()
        return command_line("retire", question.run_dir, *(keys if question.named else ()), *part)
    named = [word for one in whole or question.projects for word in ("--project-id", one.project_id)]
    where = ["--all-projects"] if spec.region is None and spec.endpoint is None else named
    return command_line("retire", *keys, *where, *options_of(job_facts(spec)), *login_options(spec))


def show_retired(folder: Path, told: Retirement, *, again: str, json: bool) -> None:
    """Shows it; `folder` is where its files are, and `again` the command that looks again, if any."""
    if json:
        tell_json(retirement_json(told).decode().rstrip("\n"))
        return
    for line in lines(told):
        tell(line)
    tell(f"{folder / PAGE} shows it, {USES} lists every use")
    if again and told.verdict is not Verdict.FREE:
        tell(f"to look again once that is done: {again}")
