"""`verify`: which key the secret of every row shows now."""

import os
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from batch.cli.command_lines import resume_command
from batch.cli.looking import Way, began_at, is_over, look, opened
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
from batch.cli.standing import requests_of
from batch.cli.verified import facts_of, show_verified
from batch.cli.verifying import rows_of_manifest, rows_of_run
from batch.inventory.errands import ListSecrets, ReadSecrets
from jobs.run_dir.look_dir import LookDirectory, moment_name
from jobs.sightings import Sightings
from reports import Exit
from reports.campaign.verify_files import write_verified


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
        with opened(directory, question, way, lambda sightings: found.note(sightings, directory)) as sightings:
            # From here on the run may be resumed, or even moved.
            loading.close()
            return ask_verify(directory, sightings, question, way)


def ask_verify(directory: LookDirectory, sightings: Sightings, question: VerifyQuestion, way: Way) -> int:
    """One session of it; returns the exit code."""
    projects = [one.scope for one in sightings.projects()]
    errands = [errand(project=one) for one in projects for errand in (ListSecrets, ReadSecrets)]
    end = look(directory, sightings, errands, way)
    facts = facts_of(
        question,
        sightings,
        began_at=began_at(sightings),
        ended_at=time.time(),
        stopped=end.stopped,
        unread_as=end.exit_code(Exit.STOPPED_EARLY),
        requests=requests_of(sightings),
        again=resume_command(directory.path),
    )
    verified = write_verified(directory.path, sightings, facts)
    if not verified.unread:
        is_over(sightings, verified.ended_at)
    show_verified(directory.path, verified, again="" if end.stopped else facts.again, json=way.options.json)
    return verified.exit_code


def _default(target: str, run_dir: Path | None) -> Path:
    if run_dir is not None:
        return run_dir / f"verify-{moment_name()}"
    stem = "stdin" if target == "-" else Path(target).name.split(".")[0] or "manifest"
    return Path("verify") / f"{moment_name()}-{stem}"
