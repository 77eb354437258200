"""`run` and `resume`: from a manifest, or from a run directory, to reports."""

import shutil
import time
from contextlib import ExitStack
from pathlib import Path

import structlog

from batch.commands.problems import ProblemPrinter
from batch.commands.screen import say, show
from batch.csms.auth import Credential
from batch.exits import UsageError
from batch.log import start_log
from batch.options import LimitOptions, OutputOptions, limits_of
from batch.run import run_ledger
from batch.version import version
from jobs.ledger import FILE_NAME, Ledger
from jobs.loading import load
from jobs.lock import RUN_LOCK, FileLock
from jobs.record import read_record
from jobs.source import copy_manifest
from jobs.spec import JobSpec

_log = structlog.get_logger()


def run(manifest: str, spec: JobSpec, credential: Credential, output: OutputOptions, run_dir: Path | None) -> int:
    """Loads a manifest into a new run directory and runs it."""
    folder = _new_folder(run_dir, manifest)
    with ExitStack() as stack:
        lock = stack.enter_context(FileLock(folder / RUN_LOCK, "run"))
        problems = ProblemPrinter(say, limit=20)
        try:
            copy = copy_manifest(manifest, folder)
            loaded = load(copy, spec, folder, version=version(), on_problem=problems.add)
        except BaseException:
            _discard(folder)
            raise
        problems.finish()
        if not loaded.usable(strict=spec.strict):
            lock.release()
            _discard(folder)
            raise UsageError(f"{copy.name}: unusable as it is, nothing was sent")
        return _carry_on(folder, spec_limits=None, credential=credential, also_failed=False, output=output)


def resume(run_dir: Path, limits: LimitOptions, credential: Credential, output: OutputOptions, *, failed: bool) -> int:
    """Goes on with the rows of a run directory that have not ended."""
    if not run_dir.is_dir():
        raise UsageError(f"{run_dir}: no such run directory")
    with FileLock(run_dir / RUN_LOCK, "resume"):
        if not (run_dir / FILE_NAME).exists():
            raise UsageError(f"{run_dir}: its manifest was never fully loaded and nothing was sent; run it anew")
        return _carry_on(run_dir, spec_limits=limits, credential=credential, also_failed=failed, output=output)


def _carry_on(
    folder: Path,
    *,
    spec_limits: LimitOptions | None,
    credential: Credential,
    also_failed: bool,
    output: OutputOptions,
) -> int:
    start_log(folder, output.log_level)
    with Ledger(folder) as ledger:
        record = read_record(ledger)
        limits = record.spec.limits if spec_limits is None else limits_of(spec_limits, record.spec.limits)
        _log.info("run.started", version=version(), rows=record.manifest.rows, rate=str(limits.rate))
        say(f"{record.manifest.rows} rows from {record.manifest.name}, at {limits.rate} per project, into {folder}")
        end = run_ledger(folder, ledger, record, limits=limits, credential=credential, also_failed=also_failed, say=say)
    show(folder, end.summary, plain=output.progress == "off")
    return end.exit_code


def _new_folder(run_dir: Path | None, manifest: str) -> Path:
    if run_dir is None:
        stem = "stdin" if manifest == "-" else Path(manifest).name.split(".")[0] or "manifest"
        run_dir = Path("runs") / f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{stem}"
    try:
        run_dir.parent.mkdir(parents=True, exist_ok=True)
        run_dir.mkdir(mode=0o700)
    except FileExistsError:
        raise UsageError(f"{run_dir}: exists already; give another --run-dir, or resume it") from None
    except OSError as error:
        raise UsageError(f"{run_dir}: cannot be made: {error.strerror}") from error
    return run_dir


def _discard(folder: Path) -> None:
    """Removes a run directory in which nothing was ever sent."""
    shutil.rmtree(folder, ignore_errors=True)
