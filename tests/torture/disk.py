"""Full disks: a limit on file sizes, a small tmpfs where one can be mounted, and a log that goes to a full device."""

import contextlib
import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.torture.rig import Rig, TorturedJob

_TMPFS_BYTES = 1 << 20
_ROOMY_BYTES = 48 << 20


def disk_sweep(rig: Rig, *, quick: bool) -> tuple[int, str]:
    """Runs jobs with too little room, each resumed with enough; how many, and which ways there were."""
    points = 0
    for limit in range(4_096, 200_000, 65_536 if quick else 8_192):
        job = rig.job()
        job.start(before=lambda limit=limit: _limit_files(limit))
        job.check(f"files of at most {limit} bytes")
        job.remove()
        points += 1
    log = rig.job()
    ended = log.start(before=_fill_log)
    if ended.code not in {0, 1}:
        rig.violations.append(f"a full log stopped the run: {ended.code}")
    log.check("the log is full")
    with _tmpfs(rig, _TMPFS_BYTES) as folder:
        small = 0 if folder is None else _too_little(rig, folder, quick=quick)
    with _tmpfs(rig, _ROOMY_BYTES) as folder:
        small += 0 if folder is None else _filled_by_others(rig, folder, jobs=2 if quick else 20)
    ways = "RLIMIT_FSIZE, /dev/full" + (", tmpfs full before and during a run" if small else ", no tmpfs: not allowed")
    return points + 1 + small, ways


def _limit_files(limit: int) -> None:
    _no_reserve()
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))


def _no_reserve() -> None:
    """Lets a run begin where the tool's own foresight would not, so that the disk is full in the middle of it."""
    import batch.cli.session as command  # noqa: PLC0415 - patched in the child alone
    from jobs.ledger import schema  # noqa: PLC0415 - the same
    from jobs.run_dir import run_dir  # noqa: PLC0415 - the same

    class NoReserve:
        def __init__(self, _folder: Path) -> None:
            pass

        def release(self) -> bool:
            return False

    run_dir.require_room = lambda *_args, **_more: None  # type: ignore[attr-defined] # the point of it
    schema.take_room = lambda *_args, **_more: None  # the same
    command.Reserve = NoReserve  # type: ignore[assignment, attr-defined] # the same


def _fill_log() -> None:
    from batch.telemetry import log  # noqa: PLC0415 - patched in the child alone

    # A file that is its own, and full.
    log.open_own = lambda *_: os.open("/dev/full", os.O_WRONLY)  # type: ignore[attr-defined] # the point of it


@contextlib.contextmanager
def _tmpfs(rig: Rig, size: int) -> Iterator[Path | None]:
    """A small, separate disk; None where none can be mounted."""
    folder = rig.folder / f"small{size}"
    folder.mkdir()
    mount = ["/bin/mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["/bin/umount", str(folder)], capture_output=True, check=False)


def _too_little(rig: Rig, folder: Path, *, quick: bool) -> int:
    points = 0
    for left in range(40_000, 400_000, 180_000 if quick else 20_000):
        job = rig.job()
        job.run_dir = folder / job.folder.name
        _fill(folder / "filler", left)
        job.start(before=_no_reserve)
        (folder / "filler").unlink()
        job.before_resume = _no_reserve
        job.check(f"a disk with {left} bytes left")
        job.remove()
        _clear(job)
        points += 1
    return points


def _filled_by_others(rig: Rig, folder: Path, *, jobs: int) -> int:
    """Somebody takes all that is left once requests have begun: recording continues in the room it took before."""
    for _ in range(jobs):
        job = rig.job()
        job.run_dir = folder / job.folder.name
        ended = job.start(before=lambda: _fill_after_begin(folder / "filler"))
        if ended.code not in {0, 1}:
            rig.violations.append(f"a disk that others filled stopped the recording: {ended.code}")
        (folder / "filler").unlink()
        job.check("a disk that others filled")
        job.remove()
        _clear(job)
    return jobs


def _fill_after_begin(filler: Path) -> None:
    from jobs.ledger import Ledger  # noqa: PLC0415 - patched in the child alone

    begin = Ledger.begin_session

    def begun(self: Ledger, start: Any) -> None:
        begin(self, start)
        _fill(filler, 0)

    Ledger.begin_session = begun  # type: ignore[method-assign] # the point of it


def _fill(filler: Path, left: int) -> None:
    """Takes all of the disk but `left` bytes."""
    room = os.statvfs(filler.parent)
    filler.write_bytes(bytes(max(0, room.f_bavail * room.f_frsize - left)))


def _clear(job: TorturedJob) -> None:
    for path in sorted(job.run_dir.rglob("*"), reverse=True):
        path.unlink()
    if job.run_dir.exists():
        job.run_dir.rmdir()
