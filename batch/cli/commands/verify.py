"""`verify`: which key the secret of every row shows now."""

import os
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from batch.cli.looking import Way, began_at, is_over, look, opened, resume_command
from batch.cli.options import (
    AUTH,
    LOOK,
    PACE,
    ROWS,
    AuthOptions,
    JobFile,
    LookOptions,
    PaceOptions,
    RowsOptions,
)
from batch.cli.origins import NOWHERE, GivenOrigins
from batch.cli.questions import VerifyQuestion
from batch.cli.run_to_look_at import Given
from batch.cli.screen import tell_json, tell_written
from batch.cli.verifying import CARRIED, INVALID, NOT_SELECTED, rows_of_manifest, rows_of_run
from batch.inventory.errands import ListSecrets, ReadSecrets
from batch.look import LookEnd
from batch.process.version import version
from jobs.run_dir.look_dir import LookDirectory, moment_name
from jobs.sightings import Sightings
from reports import Exit
from reports.campaign.verify_files import (
    CSV,
    PAGE,
    Verified,
    VerifyFacts,
    verified_json,
    verified_words,
    write_verified,
)


def verify(
    target: Annotated[str, Parameter(allow_leading_hyphen=True)],
    /,
    *,
    out: Path | None = None,
    source: RowsOptions = ROWS,
    limits: PaceOptions = PACE,
    auth: AuthOptions = AUTH,
    looking: LookOptions = LOOK,
    _job: JobFile = None,
    _origins: GivenOrigins = NOWHERE,
) -> int:
    """Looks at the secret of every row of a run or a manifest: does it show the key of its row? Nothing is changed.

    Args:
        target: A run directory, whose projects, limits and login it uses, or a manifest.
        out: Directory for the result; an unfinished one continues.
            [default: RUN_DIR/verify-<UTC time>, or verify/<UTC time>-<manifest>]
    """
    # Unlike the method of a path, this knows no errors: a name that nothing can have is that of no folder.
    run_dir = Path(target) if os.path.isdir(target) else None  # noqa: PTH112 - see above
    with ExitStack() as loading:
        given = Given(source=source, limits=limits, auth=auth, looking=looking, origins=_origins)
        rows = rows_of_manifest(target, given) if run_dir is None else rows_of_run(run_dir, given)
        found = loading.enter_context(rows)
        directory = LookDirectory.claim(out, _default(target, run_dir), network_ok=looking.allow_network_fs)
        question, way = found.question, Way(access=found.access, limits=found.limits, options=looking)
        with opened(directory, question, way, lambda sightings: sightings.want(found.wanted())) as sightings:
            # From here on the run may be resumed, or even moved.
            loading.close()
            return ask_verify(directory, sightings, question, way)


def ask_verify(directory: LookDirectory, sightings: Sightings, question: VerifyQuestion, way: Way) -> int:
    """One session of it; returns the exit code."""
    projects = [one.scope for one in sightings.projects()]
    errands = [errand(project=one) for one in projects for errand in (ListSecrets, ReadSecrets)]
    end = look(directory, sightings, errands, way)
    verified = write_verified(directory.path, sightings, _facts(directory, sightings, question, end))
    if not verified.unread:
        is_over(sightings, verified.ended_at)
    _show(directory, verified, json=way.options.json)
    return verified.exit_code


def _default(target: str, run_dir: Path | None) -> Path:
    if run_dir is not None:
        return run_dir / f"verify-{moment_name()}"
    stem = "stdin" if target == "-" else Path(target).name.split(".")[0] or "manifest"
    return Path("verify") / f"{moment_name()}-{stem}"


def _facts(directory: LookDirectory, sightings: Sightings, question: VerifyQuestion, end: LookEnd) -> VerifyFacts:
    notes = dict(sightings.shown.query("SELECT note, COUNT(*) FROM wanted WHERE note IS NOT NULL GROUP BY note"))
    return VerifyFacts(
        version=version(),
        manifest=question.manifest,
        manifest_sha256=question.manifest_sha256,
        run_dir=question.run_dir,
        started_at=began_at(sightings),
        ended_at=time.time(),
        stopped=end.stopped,
        unread_as=end.exit_code(Exit.STOPPED_EARLY),
        requests=end.requests,
        invalid=notes.get(INVALID, 0),
        not_selected=notes.get(NOT_SELECTED, 0),
        carried=notes.get(CARRIED, 0),
        again=resume_command(directory.path),
    )


def _show(directory: LookDirectory, verified: Verified, *, json: bool) -> None:
    if json:
        tell_json(verified_json(verified).decode().rstrip("\n"))
        return
    tell_written(
        (
            verified_words(verified),
            *(f"project {one.project_id}: {one.trouble}" for one in verified.projects if one.trouble is not None),
            f"{directory.path / PAGE} shows them, {CSV} lists every row",
        )
    )
