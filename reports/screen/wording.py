"""What a summary comes to in words: the verdict, what each file is for, what to do next."""

import shlex
from collections.abc import Iterable
from pathlib import Path

import msgspec

from jobs.job_facts import JobFacts, options_of
from jobs.model import Group, Status
from jobs.printable import printable
from jobs.run_dir import names
from reports.exit_code import Exit
from reports.summary.schema import Summary

GROUP_WORDS = {Group.DONE: "done", Group.FIX_FIRST: "fix first", Group.RUN_AGAIN: "run again"}
_SIGNALS = (Exit.SIGHUP, Exit.SIGINT, Exit.SIGTERM)
_RESUMABLE = (Exit.STOPPED_EARLY, *_SIGNALS)


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to do, and the command that does it."""

    why: str
    command: str


class FileNote(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was written, and what it is for."""

    name: str
    purpose: str


def verdict(summary: Summary) -> str:
    """The run in one sentence without a full stop."""
    rows = summary.manifest.rows
    left = f"{rows - summary.by_group.done:,} of {_rows(rows)} not done"
    match summary.exit_code:
        case Exit.DONE if not rows:
            return "nothing to do: the manifest has no rows"
        case Exit.DONE:
            return f"all done: {_rows(rows)}"
        case Exit.NOT_ALL_DONE:
            return f"finished, and {left}"
        case Exit.STOPPED_EARLY:
            return f"stopped early{_because(summary)}; {left}"
        case code if code in _SIGNALS:
            return f"interrupted by {Exit(code).name}; {left}"
        case code:
            return f"ended with exit code {code}{_because(summary)}; {left}"


def worst_group(summary: Summary) -> Group:
    """What most needs doing about the rows; done where nothing does."""
    return next((group for group in reversed(Group) if summary.by_group.of(group)), Group.DONE)


def group_words(status: Status) -> str:
    """What has to be done about rows of a status."""
    return GROUP_WORDS[status.group]


def file_notes(summary: Summary) -> tuple[FileNote, ...]:
    """Every file of the summary, itself last."""
    notes = [FileNote(name=facts.name, purpose=_purpose(facts.name, facts.rows)) for facts in summary.files]
    return (*notes, FileNote(name=names.SUMMARY, purpose="all of this for machines"))


def next_steps(summary: Summary, folder: Path) -> tuple[Step, ...]:
    """What to do about the rows that are not done, in order; nothing when there are none."""
    steps: list[Step] = []
    groups, statuses = summary.by_group, summary.by_status
    files = {Path(facts.name).stem: folder / facts.name for facts in summary.files}
    if groups.run_again and (statuses.not_attempted or summary.exit_code in _RESUMABLE):
        ended = statuses.failed + statuses.unknown
        words = ("csms-rekey", "resume", str(folder), *(("--failed",) if ended else ()))
        also = ", and take failed and unknown rows again" if ended else ""
        steps.append(Step(why=f"go on where it stopped{also}", command=_command(words)))
    elif groups.run_again:
        steps.append(Step(why="run the open rows again", command=_run(files[names.RETRY], summary.job)))
    if groups.fix_first:
        path = files[names.REJECTED]
        steps.append(Step(why=f"correct {path.name}, then run it", command=_run(path, summary.job)))
    return tuple(steps)


def _rows(rows: int) -> str:
    return "1 row" if rows == 1 else f"{rows:,} rows"


def _because(summary: Summary) -> str:
    reasons = [summary.stopped, *(scope.stopped for scope in summary.scopes)]
    first = next((reason for reason in reasons if reason), None)
    return f": {printable(first)}" if first else ""


def _purpose(name: str, rows: int) -> str:
    match name.partition(".")[0]:
        case names.RETRY:
            return f"{_rows(rows)} to run again; a manifest as it is" if rows else "nothing to run again"
        case names.REJECTED:
            return f"{_rows(rows)} to fix first, with the reasons" if rows else "nothing to fix"
        case _ if name == names.PAGE:
            return "this run for people, as a page for a browser"
        case _:
            return "how every row ended"


def _run(path: Path, job: JobFacts) -> str:
    """The command that runs a file as this run was."""
    return _command(("csms-rekey", "run", str(path), *options_of(job)))


def _command(words: Iterable[str]) -> str:
    return shlex.join(map(printable, words))
