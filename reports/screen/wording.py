"""What a summary comes to in words: what each file is for, and what to do next."""

import shlex
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from jobs.job_facts import JobFacts, changed_facts, options_of, unselecting, with_changes
from jobs.model import Group, Status
from jobs.options import spelled
from jobs.printable import counted, printable
from jobs.run_dir import names
from reports.exit_code import Exit
from reports.screen.advice import Advice, Stop, Way, mendings, stops_of
from reports.summary.schema import ErrorSummary, Summary

GROUP_WORDS = {Group.DONE: "done", Group.FIX_FIRST: "fix first", Group.RUN_AGAIN: "run again"}
_MOST_CAUSES = 3
_PLACES = ("endpoint", "region", "project_id")
SIGNALS = (Exit.SIGHUP, Exit.SIGINT, Exit.SIGTERM)
_RESUMABLE = (Exit.STOPPED_EARLY, *SIGNALS)


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to do, and the command that does it. `after` says the same where all that is to be mended first is
    listed already.
    """

    why: str
    command: str
    after: str = ""

    @property
    def brief(self) -> str:
        """When it applies, without any words of the service."""
        return self.after or self.why


class FileNote(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was written, and what it is for."""

    name: str
    purpose: str


def worst_group(summary: Summary) -> Group:
    """What most needs doing about the rows; done where nothing does."""
    done = Group.FIX_FIRST if summary.carried else Group.DONE
    return next((group for group in reversed(Group) if group is not Group.DONE and summary.by_group.of(group)), done)


def group_words(status: Status) -> str:
    """What has to be done about rows of a status."""
    return GROUP_WORDS[status.group]


def file_notes(summary: Summary) -> tuple[FileNote, ...]:
    """Every file of the summary, itself last."""
    notes = [FileNote(name=facts.name, purpose=_purpose(facts.name, facts.rows)) for facts in summary.files]
    own = next((one.written_as for one in summary.kept_files if one.name == names.SUMMARY), names.SUMMARY)
    return (*notes, FileNote(name=own, purpose="machine-readable summary"))


def next_steps(summary: Summary, folder: Path) -> tuple[Step, ...]:
    """What to do about the rows that are not done, in order; nothing when there are none.

    Where something has to be mended first, that comes before the command: alone it would end like the last one.
    """
    groups = summary.by_group
    files = {facts.name.partition(".")[0]: folder / facts.name for facts in summary.files}
    steps: list[Step] = []
    if groups.run_again and (summary.by_status.not_attempted or summary.exit_code in _RESUMABLE):
        steps += _after_stop(summary, folder, files[names.RETRY])
    elif groups.run_again:
        steps.append(Step(why="run the open rows again", command=_run(files[names.RETRY], job_now(summary))))
    if groups.fix_first:
        steps.append(_fix_first(summary, files[names.REJECTED]))
    if summary.carried:
        words = ("grep", "planned: ", str(folder / names.OUTCOMES))
        steps.append(Step(why="mend what the plan could not do, and plan again", command=_command(words)))
    resume = _command(("csms-rekey", "resume", _to_resume(summary, folder)))
    if _limited(summary) and not any(step.command.startswith(resume) for step in steps):
        steps.append(Step(why=f"send the rows beyond --limit as well{_again(summary)}", command=resume))
    return tuple(steps)


def _to_resume(summary: Summary, folder: Path) -> str:
    """Nothing is sent from the whole of several shards."""
    return "<shard-directory>" if summary.shards else str(folder)


def _again(summary: Summary) -> str:
    return (
        ", for each shard that is not over (`fleet run` does that for a campaign); then merge again"
        if (summary.shards)
        else ""
    )


def _limited(summary: Summary) -> bool:
    """Whether rows may be left that were too many for the job's limit: a resume takes them all in."""
    lifted = any(session.command == "resume" for session in summary.sessions)
    sent = summary.manifest.rows - summary.left_out - summary.by_status.invalid
    return (
        summary.job.limit is not None
        and summary.left_out > summary.carried
        and sent >= summary.job.limit
        and not lifted
    )


def mended_first(summary: Summary) -> tuple[Advice, ...]:
    """What stopped the run before all its rows were done, and how to mend each cause, as far as that is known."""
    return mendings(stops_of(summary.stopped, summary.scopes, summary.held_keys), job_now(summary).auth)


def job_now(summary: Summary) -> JobFacts:
    """The job with the options of the last session."""
    changed = summary.sessions[-1].changed if summary.sessions else None
    return with_changes(summary.job, changed) if changed else summary.job


def _after_stop(summary: Summary, folder: Path, retry: Path) -> Iterator[Step]:
    causes = mended_first(summary)
    unknown = summary.by_status.unknown if summary.unknown_ended is None else summary.unknown_ended
    ended = summary.by_status.failed + unknown
    also = ", and take failed and unknown rows again" if ended else ""
    resumed = [cause for cause in causes if cause.way is Way.RESUME]
    if resumed or not causes:
        onward = f"continue where it stopped{also}{_again(summary)}"
        words = ("csms-rekey", "resume", _to_resume(summary, folder), *(("--failed",) if ended else ()))
        changed = () if summary.shards else changed_facts(job_now(summary), summary.job)
        command = _command((*words, *_between(summary), *changed))
        if resumed:
            yield Step(why=f"{_mend(resumed)}; then {onward}", after=f"once that is mended, {onward}", command=command)
        else:
            yield Step(why=onward, command=command)
    corrected = [cause for cause in causes if cause.way is not Way.RESUME]
    if corrected:
        place = any(cause.way is Way.NEW_PLACE for cause in corrected)
        job = _with_gaps(job_now(summary), _PLACES) if place else job_now(summary)
        then = f"run {retry.name}"
        yield Step(
            why=f"{_mend(corrected)}; then {then}", after=f"once that is corrected, {then}", command=_run(retry, job)
        )
    elif otherwise := _otherwise(causes, summary):
        command = _run(retry, _with_gaps(job_now(summary), ("project_id",)))
        yield Step(why=f"{otherwise}; then run {retry.name}", command=command)


def _between(summary: Summary) -> tuple[str, ...]:
    """A gap for the command that decides on waves, where one did: its words are not kept, and without it a resume would
    begin the next wave unasked.
    """
    said = (words for one in summary.sessions for words in (one.stopped or "", *(note.words for note in one.controls)))
    decides = any("--between" in words for words in (summary.stopped or "", *said))
    return ("--between", "<command>") if decides else ()


def _otherwise(causes: Sequence[Advice], summary: Summary) -> str | None:
    """What else may be wrong with a project in which nothing was ever accepted."""
    if all(scope.done for scope in summary.scopes if scope.stopped):
        return None
    return next((cause.otherwise for cause in causes if cause.otherwise), None)


def _mend(causes: Sequence[Advice]) -> str:
    rest = len(causes) - _MOST_CAUSES
    more = [f"{counted(rest, 'more cause')} in {names.SUMMARY}"] if rest > 0 else []
    return "; ".join([*map(str, causes[:_MOST_CAUSES]), *more])


def _fix_first(summary: Summary, path: Path) -> Step:
    refused = [error for error in summary.errors if error.status is Status.REJECTED]
    stops = [Stop(reason=f"{error.error_code}: {_message(error)}", kms_key_id=error.kms_key_id) for error in refused]
    elsewhere = [advice for advice in mendings(stops, job_now(summary).auth) if advice.way is Way.RESUME]
    # The file itself is replaced by the next report, or kept and stale: what is corrected is a copy.
    copy = Path(f"corrected{path.suffix}")
    wrong = "what else is wrong" if elsewhere else "what is wrong"
    first = f"{_mend(elsewhere)}; " if elsewhere else ""
    then = f"copy {path.name} to {copy}, correct {wrong} in it, then run it"
    return Step(why=f"{first}{then}", after=then, command=_run(copy, job_now(summary)))


def _message(error: ErrorSummary) -> str:
    return error.samples[0].message or "" if error.samples else ""


def _with_gaps(job: JobFacts, options: Iterable[str]) -> JobFacts:
    """The same with a gap for what was wrong."""
    gaps = {name: f"<{spelled(name)}>" for name in options if getattr(job, name) is not None}
    return msgspec.structs.replace(job, **gaps)


def _purpose(name: str, rows: int) -> str:
    match name.partition(".")[0]:
        case names.RETRY:
            return (
                f"{counted(rows, 'row')} to run again; a manifest that is ready to run"
                if rows
                else "nothing to run again"
            )
        case names.REJECTED:
            return f"{counted(rows, 'row')} to fix first, with the reasons" if rows else "nothing to fix"
        case stem if stem == names.PAGE.partition(".")[0]:
            return "report to read in a browser"
        case _:
            return "how every row ended"


def _run(path: Path, job: JobFacts) -> str:
    """The command that runs a file as this run was."""
    return _command(("csms-rekey", "run", str(path), *options_of(unselecting(job))))


def _command(words: Iterable[str]) -> str:
    return shlex.join(map(printable, words))
