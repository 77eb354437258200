"""What every command that only looks shares: its output directory, its locks, and one session of looking."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass

from batch.cli.accounts import assign_kept_accounts, keep_accounts
from batch.cli.command_lines import resume_command
from batch.cli.open_files import require_files
from batch.cli.options import LookOptions
from batch.cli.questions import Question, keep_question, kept_question
from batch.cli.screen import say
from batch.cli.standing import kept_standing, session_kept
from batch.csms.access import Access
from batch.inventory.errands import Errand
from batch.look import LookEnd, LookPlan, run_look
from batch.process.signals import PROCESS_SIGNALS
from batch.redaction.redactor import PROCESS_REDACTOR
from batch.telemetry.log import start_log
from jobs.run_dir.look_dir import LookDirectory
from jobs.run_dir.scope_locks import Patience, lock_scopes
from jobs.sightings import Sightings
from jobs.spec import Limits, UsageError
from reports.screen.advice import Stop, advise

_BEGUN, _OVER = "begun", "over"


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How the service is asked in one session, and what happens around it."""

    access: Access
    limits: Limits
    options: LookOptions


@contextmanager
def opened(
    directory: LookDirectory,
    question: Question,
    way: Way,
    note: Callable[[Sightings], None] = lambda _: None,
) -> Iterator[Sightings]:
    """The sightings of a directory, for the question that it is about; kept from every other process meanwhile. `note`
    records in new ones what the question is about.

    Raises:
        UsageError: they are about another question, or it has its answer.
        LockHeldError: another process is in the directory.
        LedgerError: they cannot be used.
    """
    with PROCESS_SIGNALS.entering(
        lambda: directory.lock(question.command, Patience(way.options.wait, say)),
        directory.or_nothing,
        only_if=directory.made,
    ):
        directory.sweep()
        with Sightings(directory.path) as sightings:
            if (found := kept_question(sightings)) is None:
                note(sightings)
                keep_accounts(way.access, sightings)
                keep_beginning(sightings, time.time())
                # Last: where it is kept, all that it is about is there.
                keep_question(sightings, question, way.limits, way.access)
            elif found.bare() != question.bare():
                raise UsageError(f"{directory.path}: was made for another job; give a new or an empty --out")
            assign_kept_accounts(way.access, sightings)
            _refuse_over(directory, sightings)
            yield sightings


def asked_in(directory: LookDirectory, options: LookOptions) -> Question:
    """The question of a directory that has to be continued.

    Raises:
        UsageError: nothing was asked yet, or all of it was answered.
        LockHeldError: another process is in the directory.
        LedgerError: its sightings cannot be used.
    """
    with directory.lock("resume", Patience(options.wait, say)), Sightings(directory.path) as sightings:
        if (found := kept_question(sightings)) is None:
            raise UsageError(f"{directory.path}: nothing was asked yet; give the command that made it again")
        _refuse_over(directory, sightings)
        return found


def _refuse_over(directory: LookDirectory, sightings: Sightings) -> None:
    """Makes sure that what was seen long ago is not reported as the state of now."""
    standing = kept_standing(sightings)
    if standing is not None and standing.shards is not None:
        raise UsageError(f"{directory.path}: merged from {standing.shards} shards; continue those, then merge again")
    if sightings.kept(_OVER) is not None:
        raise UsageError(f"{directory.path}: is over and has its answer; to look again, give a new or an empty --out")


def began_at(sightings: Sightings) -> float:
    """When the question was first asked."""
    return float(sightings.kept(_BEGUN) or 0.0)


def keep_beginning(sightings: Sightings, began_at: float) -> None:
    """Keeps when the question was first asked."""
    sightings.keep(_BEGUN, repr(began_at))


def is_over(sightings: Sightings, ended_at: str) -> None:
    """The question has its whole answer: nothing continues it."""
    sightings.keep(_OVER, ended_at)


def look(directory: LookDirectory, sightings: Sightings, errands: Sequence[Errand], way: Way) -> LookEnd:
    """Runs errands while no other process sends to their projects, and says why it stopped, if it did.

    Raises:
        LockHeldError: another run uses one of the projects.
        LedgerError: the sightings cannot be written.
    """
    projects = list(dict.fromkeys(one.project for one in errands))
    require_files(connections=way.limits.concurrency, locks=len(projects))
    with ExitStack() as stack:
        what = f"look into {directory.path.absolute()}"
        patience = Patience(way.options.wait, say)
        stack.enter_context(lock_scopes(projects, way.options.lock_dir, what, patience))
        # From here on a signal waits until the session can stop for it.
        PROCESS_SIGNALS.hold()
        stack.enter_context(closing(start_log(directory.path, way.options.log_level)))
        plan = LookPlan(
            folder=directory.path,
            errands=errands,
            limits=way.limits,
            access=way.access,
            clean=PROCESS_REDACTOR.clean,
            say=say,
        )
        end = session_kept(sightings, way.access, lambda: run_look(plan, sightings))
    if end.stopped is not None:
        advice = advise(Stop(reason=end.stopped), way.access.login.describe().kind)
        first = "" if advice is None else f"{advice.step}; then "
        say(f"stopped: {end.stopped}; {first}`{resume_command(directory.path)}` continues")
    return end
