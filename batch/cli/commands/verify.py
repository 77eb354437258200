"""`verify`: which key the secret of every row shows now."""

import os
import shlex
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from batch.cli.looking import look, opened
from batch.cli.options import (
    AUTH,
    LIMITS,
    LOOK,
    SOURCE,
    AuthOptions,
    JobFile,
    LimitOptions,
    LookOptions,
    ManifestOptions,
)
from batch.cli.origins import NOWHERE, GivenOrigins
from batch.cli.screen import tell_json, tell_written
from batch.cli.verifying import INVALID, NOT_SELECTED, Given, Rows, job_words, rows_of_manifest, rows_of_run
from batch.inventory.errands import ListSecrets, ReadSecrets
from batch.look import LookEnd
from batch.process.version import version
from jobs.job_facts import job_facts, options_of
from jobs.run_dir.look_dir import LookDirectory, moment_name
from jobs.sightings import Sightings
from jobs.spec import UsageError
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

_BEGUN, _WHOLE = "begun", "whole"


def verify(
    target: Annotated[str, Parameter(allow_leading_hyphen=True)],
    /,
    *,
    out: Path | None = None,
    source: ManifestOptions = SOURCE,
    limits: LimitOptions = LIMITS,
    auth: AuthOptions = AUTH,
    looking: LookOptions = LOOK,
    _job: JobFile = None,
    _origins: GivenOrigins = NOWHERE,
) -> int:
    """Looks at the secret of every row of a run or a manifest: does it show the key of its row? Nothing is changed.

    Args:
        target: A run directory, whose projects, limits and login are used, or a manifest.
        out: Directory for the result: new, empty, or one that was left unfinished, which is continued.
            [default: RUN_DIR/verify-<UTC time>, or verify/<UTC time>-<manifest>]
    """
    # Unlike the method of a path, this knows no errors: a name that nothing can have is that of no folder.
    run_dir = Path(target) if os.path.isdir(target) else None  # noqa: PTH112 - see above
    with ExitStack() as loading:
        given = Given(source=source, limits=limits, auth=auth, looking=looking, origins=_origins)
        rows = rows_of_manifest(target, given) if run_dir is None else rows_of_run(run_dir, given)
        found = loading.enter_context(rows)
        directory = LookDirectory.claim(out, _default(target, run_dir), network_ok=looking.allow_network_fs)
        with opened(directory, "verify", job_words(found.record), looking) as sightings:
            _refuse_finished(directory, sightings)
            sightings.want(found.wanted())
            projects = [one.scope for one in sightings.projects()]
            # From here on the run may be resumed, or even moved.
            loading.close()
            errands = [errand(project=one) for one in projects for errand in (ListSecrets, ReadSecrets)]
            end = look(directory, sightings, errands, access=found.access, limits=found.limits, options=looking)
            verified = write_verified(directory.path, sightings, _facts(target, directory, sightings, found, end))
            if not verified.unread:
                sightings.keep(_WHOLE, verified.ended_at)
    _show(directory, verified, json=looking.json)
    return verified.exit_code


def _default(target: str, run_dir: Path | None) -> Path:
    if run_dir is not None:
        return run_dir / f"verify-{moment_name()}"
    stem = "stdin" if target == "-" else Path(target).name.split(".")[0] or "manifest"
    return Path("verify") / f"{moment_name()}-{stem}"


def _refuse_finished(directory: LookDirectory, sightings: Sightings) -> None:
    """What was seen long ago is not to be told as if it were so now."""
    if sightings.kept(_WHOLE) is not None:
        raise UsageError(f"{directory.path}: holds a verification that is over; give a new or an empty --out")
    if sightings.kept(_BEGUN) is None:
        sightings.keep(_BEGUN, repr(time.time()))


def _facts(target: str, directory: LookDirectory, sightings: Sightings, rows: Rows, end: LookEnd) -> VerifyFacts:
    notes = dict(sightings.shown.query("SELECT note, COUNT(*) FROM wanted WHERE note IS NOT NULL GROUP BY note"))
    where = options_of(job_facts(rows.record.spec)) if rows.run_dir is None else ()
    return VerifyFacts(
        version=version(),
        manifest=rows.record.manifest.name,
        manifest_sha256=rows.record.manifest.sha256,
        run_dir=None if rows.run_dir is None else str(rows.run_dir),
        started_at=float(sightings.kept(_BEGUN) or 0.0),
        ended_at=time.time(),
        stopped=end.stopped,
        unread_as=end.exit_code(Exit.STOPPED_EARLY),
        requests=end.requests,
        invalid=notes.get(INVALID, 0),
        not_selected=notes.get(NOT_SELECTED, 0),
        again=shlex.join(("csms-rekey", "verify", target, *where, "--out", str(directory.path))),
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
