"""`retire`: whether anything still needs an old key."""

import time
from contextlib import ExitStack
from pathlib import Path

from batch.cli.command_lines import resume_command
from batch.cli.known_secrets import OWNER_COLUMN
from batch.cli.looking import Way, began_at, is_over, look, opened
from batch.cli.options import AUTH, LOOK, PACE, RETIRE, AuthOptions, JobFile, LookOptions, PaceOptions, RetireOptions
from batch.cli.origins import NOWHERE, GivenOrigins
from batch.cli.questions import RetireQuestion
from batch.cli.retired import again, show_retired
from batch.cli.retiring import Asked, asked
from batch.cli.run_to_look_at import Given
from batch.cli.sharing import kept_whole
from batch.cli.standing import asked_by, requests_of
from batch.inventory.retiring import retirement_errands
from batch.look import LookEnd
from batch.process.version import version
from jobs.retirement import Verdict
from jobs.run_dir.look_dir import LookDirectory, moment_name
from jobs.sightings import Sightings
from reports import Exit
from reports.retirement.writing import EXITS, Looked, write_retirement

_HEAD = 8
NOTHING_FELL_TO_IT = dict.fromkeys(Verdict, Exit.DONE)
"""Where there are more shards than projects, some have none, and there is nothing wrong with that."""


def retire(
    run_dir: Path | None = None,
    /,
    *,
    out: Path | None = None,
    source: RetireOptions = RETIRE,
    limits: PaceOptions = PACE,
    auth: AuthOptions = AUTH,
    looking: LookOptions = LOOK,
    _job: JobFile = None,
    _origins: GivenOrigins = NOWHERE,
) -> int:
    """Looks at every secret of the projects and at the metadata of all its versions: does one still need an old key?
    No value is read, and nothing is changed.

    Args:
        run_dir: A run directory, whose old keys, projects, limits and login it uses. Without one, give --old-key,
            and --project-id or --all-projects.
        out: Directory for the result; an unfinished one continues.
            [default: RUN_DIR/retire-<UTC time>, or retire/<UTC time>-<head of the key>]
    """
    given = Given(source=source, limits=limits, auth=auth, looking=looking, origins=_origins)
    with ExitStack() as loading:
        found = loading.enter_context(asked(run_dir, given))
        folder = LookDirectory.claim(out, _default(run_dir, found), network_ok=looking.allow_network_fs)
        question, way = found.question, Way(access=found.access, limits=found.limits, options=looking)
        with opened(folder, question, way, found.note) as sightings:
            # From here on the run may be resumed, or even moved.
            loading.close()
            return ask_retire(folder, sightings, question, way)


def ask_retire(folder: LookDirectory, sightings: Sightings, question: RetireQuestion, way: Way) -> int:
    """One session of it; returns the exit code."""
    end = look(folder, sightings, retirement_errands(question.projects, question.key_ids), way)
    looked = _looked(folder, sightings, question, end)
    told = write_retirement(folder.path, sightings, question.key_ids, looked)
    if looked.stopped is None and told.verdict is not Verdict.INCOMPLETE:
        is_over(sightings, told.ended_at)
    show_retired(folder.path, told, again=looked.again if looked.stopped is None else "", json=way.options.json)
    return told.exit_code


def _default(run_dir: Path | None, found: Asked) -> Path:
    if run_dir is not None:
        return run_dir / f"retire-{moment_name()}"
    return Path("retire") / f"{moment_name()}-{found.question.key_ids[0][:_HEAD]}"


def _looked(folder: LookDirectory, sightings: Sightings, question: RetireQuestion, end: LookEnd) -> Looked:
    return Looked(
        version=version(),
        began_at=began_at(sightings),
        ended_at=time.time(),
        requests=requests_of(sightings),
        asked_by=asked_by(sightings),
        stopped=None if end.whole else end.stopped or "not everything was asked for",
        again=again(question, kept_whole(sightings)) if end.whole else resume_command(folder.path),
        run_dir=question.run_dir,
        owner_column=sightings.kept(OWNER_COLUMN),
        shard=None if (shard := question.spec.shard) is None else str(shard),
        exits={verdict: _exit_code(verdict, end) for verdict in Verdict} if question.projects else NOTHING_FELL_TO_IT,
    )


def _exit_code(verdict: Verdict, end: LookEnd) -> Exit:
    """A use that is proven counts for more than a stop."""
    code = end.exit_code(EXITS[verdict])
    return EXITS[verdict] if code is Exit.STOPPED_EARLY and verdict is Verdict.NEEDED else code
