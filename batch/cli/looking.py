"""What every command that only looks shares: its output directory, its locks, and one session of looking."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager

from batch.cli.open_files import require_files
from batch.cli.options import LookOptions
from batch.cli.screen import say
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

_JOB = "job"


@contextmanager
def opened(directory: LookDirectory, command: str, job: str, options: LookOptions) -> Iterator[Sightings]:
    """The sightings of a directory, for the command whose `job` they are; kept from every other process meanwhile.

    Raises:
        UsageError: they are those of another job.
        LockHeldError: another process is in the directory.
        LedgerError: they cannot be used.
    """
    with directory.lock(command, Patience(options.wait, say)), directory.or_nothing():
        directory.sweep()
        with Sightings(directory.path) as sightings:
            if (found := sightings.kept(_JOB)) is None:
                sightings.keep(_JOB, job)
            elif found != job:
                raise UsageError(f"{directory.path}: was made for another job; give a new or an empty --out")
            yield sightings


def look(
    directory: LookDirectory,
    sightings: Sightings,
    errands: Sequence[Errand],
    *,
    access: Access,
    limits: Limits,
    options: LookOptions,
) -> LookEnd:
    """Runs errands while nobody else sends to their projects, and says why it stopped, if it did.

    Raises:
        LockHeldError: another run uses one of the projects.
        LedgerError: the sightings cannot be written.
    """
    projects = list(dict.fromkeys(one.project for one in errands))
    require_files(connections=limits.concurrency, locks=len(projects))
    with ExitStack() as stack:
        what = f"look into {directory.path.absolute()}"
        stack.enter_context(lock_scopes(projects, options.lock_dir, what, Patience(options.wait, say)))
        # From here on a signal waits until the session can stop for it.
        PROCESS_SIGNALS.hold()
        stack.enter_context(closing(start_log(directory.path, options.log_level)))
        plan = LookPlan(
            folder=directory.path,
            errands=errands,
            limits=limits,
            access=access,
            clean=PROCESS_REDACTOR.clean,
            say=say,
        )
        end = run_look(plan, sightings)
    if end.stopped is not None:
        say(f"stopped: {end.stopped}; the same command with --out {directory.path} continues")
    return end
