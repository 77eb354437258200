"""`retire`: whether anything still needs an old key."""

import shlex
import time
from contextlib import ExitStack
from pathlib import Path

import msgspec

from batch.cli.looking import look, opened
from batch.cli.options import AUTH, LIMITS, LOOK, RETIRE, AuthOptions, JobFile, LimitOptions, LookOptions, RetireOptions
from batch.cli.origins import NOWHERE, GivenOrigins
from batch.cli.retiring import Asked, Given, asked
from batch.cli.screen import tell, tell_json
from batch.inventory.retiring import retirement_errands
from batch.look import LookEnd
from batch.process.version import version
from jobs.printable import printable
from jobs.retirement import Verdict
from jobs.run_dir.look_dir import LookDirectory, moment_name
from jobs.sightings import Sightings
from jobs.spec import UsageError
from reports import Exit
from reports.retirement.document import PAGE, USES, Retirement, retirement_json
from reports.retirement.words import lines
from reports.retirement.writing import EXITS, Looked, write_retirement

_BEGUN, _OVER, _REQUESTS = "begun", "over", "requests"
_HEAD = 8


def retire(
    run_dir: Path | None = None,
    /,
    *,
    out: Path | None = None,
    source: RetireOptions = RETIRE,
    limits: LimitOptions = LIMITS,
    auth: AuthOptions = AUTH,
    looking: LookOptions = LOOK,
    _job: JobFile = None,
    _origins: GivenOrigins = NOWHERE,
) -> int:
    """Looks at every secret of the projects and at the metadata of all its versions: does one still need an old key?
    No value is read, and nothing is changed.

    Args:
        run_dir: A run directory: its old keys, its projects, its limits and its login. Without one, --old-key says
            which key, and --project-id or --all-projects where.
        out: Directory for the result: new, empty, or one that was left unfinished, which is continued.
            [default: RUN_DIR/retire-<UTC time>, or retire/<UTC time>-<head of the key>]
    """
    given = Given(source=source, limits=limits, auth=auth, looking=looking, origins=_origins)
    with ExitStack() as loading:
        found = loading.enter_context(asked(run_dir, given))
        folder = LookDirectory.claim(out, _default(run_dir, found), network_ok=looking.allow_network_fs)
        with opened(folder, "retire", found.job(run_dir), looking) as sightings:
            _refuse_finished(folder, sightings)
            for project in found.projects:
                sightings.add_project(project)
            column = found.note(sightings)
            # From here on the run may be resumed, or even moved.
            loading.close()
            errands = retirement_errands(found.projects, found.key_ids)
            end = look(folder, sightings, errands, access=found.access, limits=found.limits, options=looking)
            looked = _looked(sightings, end, run_dir, column)
            looked = msgspec.structs.replace(looked, again=_again(found, folder, end))
            told = _write(folder, sightings, found, looked)
    _show(folder, told, json=looking.json)
    return told.exit_code


def _default(run_dir: Path | None, found: Asked) -> Path:
    if run_dir is not None:
        return run_dir / f"retire-{moment_name()}"
    return Path("retire") / f"{moment_name()}-{found.key_ids[0][:_HEAD]}"


def _refuse_finished(folder: LookDirectory, sightings: Sightings) -> None:
    """What was seen long ago is not to be told as if it were so now."""
    if sightings.kept(_OVER) is not None:
        raise UsageError(f"{folder.path}: has its answer already; give a new or an empty --out to look again")
    if sightings.kept(_BEGUN) is None:
        sightings.keep(_BEGUN, repr(time.time()))


def _again(found: Asked, folder: LookDirectory, end: LookEnd) -> str:
    """The command that looks again, or continues where this one was stopped."""
    words = ("csms-rekey", "retire", *found.words, *(() if end.whole else ("--out", str(folder.path))))
    return shlex.join(map(printable, words))


def _looked(sightings: Sightings, end: LookEnd, run_dir: Path | None, column: str | None) -> Looked:
    requests = int(sightings.kept(_REQUESTS) or 0) + end.requests
    sightings.keep(_REQUESTS, str(requests))
    return Looked(
        version=version(),
        began_at=float(sightings.kept(_BEGUN) or 0.0),
        ended_at=time.time(),
        requests=requests,
        stopped=None if end.whole else end.stopped or "not everything was asked for",
        run_dir=None if run_dir is None else printable(str(run_dir)),
        owner_column=column,
        exits={verdict: _exit_code(verdict, end) for verdict in Verdict},
    )


def _exit_code(verdict: Verdict, end: LookEnd) -> Exit:
    """A use that is proven counts for more than a stop."""
    code = end.exit_code(EXITS[verdict])
    return EXITS[verdict] if code is Exit.STOPPED_EARLY and verdict is Verdict.NEEDED else code


def _write(folder: LookDirectory, sightings: Sightings, found: Asked, looked: Looked) -> Retirement:
    told = write_retirement(folder.path, sightings, found.key_ids, looked)
    if looked.stopped is None and told.verdict is not Verdict.INCOMPLETE:
        sightings.keep(_OVER, told.ended_at)
    return told


def _show(folder: LookDirectory, told: Retirement, *, json: bool) -> None:
    if json:
        tell_json(retirement_json(told).decode().rstrip("\n"))
        return
    for line in lines(told):
        tell(line)
    tell(f"{folder.path / PAGE} shows it, {USES} lists every use")
