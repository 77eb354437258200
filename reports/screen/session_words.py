"""Who ran a job, how and with what end, and how the rows of each key stand, in words."""

from jobs.job_facts import JobFacts, limits_of, with_changes
from jobs.printable import counted
from jobs.spec import Auth, Before
from reports.moment import clock_text
from reports.screen.advice import Stop, advise, cause_of
from reports.summary.schema import ErrorSummary, ScopeSummary, Summary
from reports.summary.sessions import HeldKeySummary, KeySummary, PlanSummary, SessionSummary

SHOWN_OLD_KEYS = 3
SHOWN_PROJECTS = 5


def who_words(session: SessionSummary) -> str:
    """Who ran it and with which login: run by ann on box, access keys, ends in ABCD."""
    by = f"{session.command or 'run'} by {session.os_user} on {session.host}" if session.os_user else "run"
    return by if session.login is None else f"{by}, {session.login}"


def planned_words(plan: PlanSummary) -> str:
    """Who made the plan that was run, and which one it is."""
    return f"{clock_text(plan.made_at)} UTC by {plan.made_by}, plan.json has the SHA-256 {plan.sha256}"


def option_words(session: SessionSummary, job: JobFacts) -> str:
    """The limits that held, in the words of the command line, and what was changed meanwhile."""
    changed = session.changed or ""
    failed = ("--failed",) if "--failed" in changed.split() else ()
    begun = " ".join((*failed, *limits_of(with_changes(job, changed))))
    return ", then ".join([begun, *(control.words for control in session.controls)])


def end_words(session: SessionSummary) -> str:
    """Why it ended."""
    if session.ended_at is None:
        return "killed; neither its end nor its last requests are recorded"
    stopped = f": {cause_of(session.stopped)}" if session.stopped else ""
    return f"exit code {session.exit_code}{stopped}"


def ended_words(session: SessionSummary) -> str:
    """How many rows it ended."""
    if session.rows_done is None:
        return "rows not known"
    return f"{counted(session.rows_done, 'row')} ended"


def old_key_words(key: KeySummary) -> str:
    """The keys that its rows move away from, the first of them."""
    more = len(key.old_keys) - SHOWN_OLD_KEYS + key.more_old_keys
    names = [*key.old_keys[:SHOWN_OLD_KEYS], *((f"{more} more",) if more > 0 else ())]
    return ", ".join(names) or "none seen"


def key_words(key: KeySummary) -> str:
    """How its rows stand, and which keys they leave."""
    counts = ((key.done, "done"), (key.fix_first, "fix first"), (key.run_again, "run again"))
    words = [f"{rows:,} {name}" for rows, name in (*counts, (key.left_out, "left out")) if rows]
    if key.left_out == key.rows:
        return ", ".join(words)
    return f"{', '.join(words)}; old key{'s' if len(key.old_keys) > 1 else ''}: {old_key_words(key)}"


def before_words(summary: Summary) -> tuple[str, ...]:
    """Of which projects the secrets could not be listed, and where rows were changed whose key before is not known."""
    if summary.job.before is Before.OFF:
        return ()
    words = [_before(scope) for scope in summary.scopes if scope.unlisted or scope.without_key_before]
    more = len(words) - SHOWN_PROJECTS
    return (*words[:SHOWN_PROJECTS], *((f"{counted(more, 'more project')} in summary.json",) if more > 0 else ()))


def _before(scope: ScopeSummary) -> str:
    failed = f"its secrets could not be listed ({scope.unlisted})" if scope.unlisted else ""
    rows = scope.without_key_before
    were = "was" if rows == 1 else "were"
    of_whom = f"{counted(rows, 'row')} that {were} changed or may have been"
    unknown = f"the key before is not known for {of_whom}" if rows else ""
    return f"project {scope.project_id}: {'; '.join(filter(None, (failed, unknown)))}"


def held_words(key: HeldKeySummary) -> str:
    """Why its rows were left open."""
    known = advise(Stop(reason=key.reason, kms_key_id=key.kms_key_id), Auth.AUTO)
    return f"key {key.kms_key_id}: {key.reason}" if known is None else str(known)


def error_key_words(error: ErrorSummary) -> str:
    """The key that a code blames, and its state; nothing where it blames none."""
    if error.kms_key_id is None:
        return ""
    return f"key {error.kms_key_id}{f': {error.key_state}' if error.key_state else ''}"
