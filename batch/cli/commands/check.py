"""`check`: every problem of a manifest and what a run would ask for, nothing sent."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from batch.cli.checking import Look, look_at
from batch.cli.job_asked_for import spec_of
from batch.cli.loading import ProblemPrinter
from batch.cli.options import (
    AUTH,
    CHECKED,
    SOURCE,
    AuthOptions,
    CheckedLimitOptions,
    JobFile,
    ManifestOptions,
    ManifestPath,
)
from batch.cli.screen import tell, tell_json
from jobs.manifest.scopes import NOT_LOOKED_UP
from jobs.printable import counted
from jobs.problem import Problem
from jobs.run_dir.durable import require_plain
from jobs.spec import SpecError
from reports import Exit
from reports.checked import Checked, checked_json, with_figures
from reports.junit import write_junit
from reports.screen.forecast_words import forecast_lines


def check(
    manifest: ManifestPath,
    /,
    *,
    source: ManifestOptions = SOURCE,
    limits: CheckedLimitOptions = CHECKED,
    auth: AuthOptions = AUTH,
    json: Annotated[bool, Parameter(negative="")] = False,
    junit: Path | None = None,
    _job: JobFile = None,
) -> int:
    """Reads a manifest as `run` does and prints all that is wrong with it.

    Args:
        manifest: CSV, TSV, text or Parquet file, or - for standard input.
        json: Print only one JSON object with all that was found.
        junit: Also write the problems to this file, as JUnit XML.
    """
    _refuse_junit(junit, manifest)
    spec = spec_of(source, limits, auth)
    problems: list[Problem] = []
    on_problem: Callable[[Problem], None] = ProblemPrinter(tell, limit=None).add
    if json or junit is not None:
        # Only what is written as a whole is kept.
        on_problem = problems.append if json else _both(on_problem, problems.append)
    with tempfile.TemporaryDirectory(prefix="csms-rekey-check-") as name:
        look = look_at(manifest, spec, auth, Path(name), on_problem)
    code = _exit_code(look, strict=spec.strict)
    if junit is not None:
        write_junit(junit, manifest, problems)
    if json:
        tell_json(checked_json(_checked(manifest, look, problems, code)))
    else:
        _tell(look)
    return code


def _refuse_junit(path: Path | None, manifest: str) -> None:
    if path is None:
        return
    if not path.parent.is_dir():
        raise SpecError("junit", f"{path.parent}: no such folder")
    try:
        require_plain(path)
    except OSError as error:
        raise SpecError("junit", f"{path}: {error.strerror}") from error
    if path.exists() and Path(manifest).exists() and path.samefile(manifest):
        raise SpecError("junit", f"{path} is the manifest")


def _both(first: Callable[[Problem], None], second: Callable[[Problem], None]) -> Callable[[Problem], None]:
    def add(problem: Problem) -> None:
        first(problem)
        second(problem)

    return add


def _exit_code(look: Look, *, strict: bool) -> Exit:
    if look.loaded is None or not look.loaded.usable(strict=strict):
        return Exit.USAGE
    return Exit.NOT_ALL_DONE if look.loaded.invalid else Exit.DONE


def _checked(manifest: str, look: Look, problems: list[Problem], code: Exit) -> Checked:
    found, known = look.loaded, look.spec.project_id
    checked = Checked(
        manifest=manifest,
        sha256=look.sha256,
        exit_code=code,
        usable=code is not Exit.USAGE,
        rows=0 if found is None else found.rows,
        invalid=0 if found is None else found.invalid,
        problems=tuple(problems),
        project_id=None if known == NOT_LOOKED_UP else known,
        rows_without_project=_rows_without_project(look),
        rate=str(look.spec.limits.rate),
    )
    return checked if look.forecast is None else with_figures(checked, look.forecast)


def _rows_without_project(look: Look) -> int:
    places = () if look.forecast is None else look.forecast.places
    return sum(place.rows for place in places if place.project_id == NOT_LOOKED_UP)


def _tell(look: Look) -> None:
    if look.forecast is not None:
        for line in forecast_lines(look.forecast, look.login):
            tell(line)
    if look.loaded is not None:
        found = look.loaded
        counts = (
            f"{counted(found.rows, 'row')}, {found.invalid} invalid, {counted(found.structural, 'structural problem')}"
        )
        tell(f"{found.name}: {counts}")
    if rows := _rows_without_project(look):
        tell(f"{counted(rows, 'row')} {'names' if rows == 1 else 'name'} no project, which was not looked up: no login")
