"""Full disks: a limit on file sizes, a small tmpfs where one can be mounted, and a log that goes to a full device."""

import os
import resource
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.torture.rig import Rig, TorturedJob

if TYPE_CHECKING:
    from collections.abc import Callable

_TMPFS_BYTES = 1 << 20


def disk_sweep(rig: Rig, *, quick: bool) -> tuple[int, str]:
    """Runs jobs with too little room, each resumed with enough; how many, and which ways there were."""
    points = 0
    for limit in range(4_096, 200_000, 65_536 if quick else 8_192):
        job = rig.job()
        job.start(before=lambda limit=limit: _limit_files(limit))
        job.check(f"files of at most {limit} bytes")
        points += 1
    log = rig.job()
    ended = log.start(before=_fill_log)
    if ended.code not in {0, 1}:
        rig.violations.append(f"a full log stopped the run: {ended.code}")
    log.check("the log is full")
    small = _on_tmpfs(rig, quick=quick)
    ways = "RLIMIT_FSIZE, /dev/full" + (
        f", tmpfs of {_TMPFS_BYTES} bytes" if small else ", no tmpfs: mount not allowed"
    )
    return points + 1 + small, ways


def _limit_files(limit: int) -> None:
    _no_reserve()
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))


def _no_reserve() -> None:
    """Lets a run begin where the tool's own foresight would not, so that the disk is full in the middle of it."""
    import batch.commands.run as command  # noqa: PLC0415 - patched in the child alone
    import batch.run as engine  # noqa: PLC0415 - the same
    from jobs.ledger import schema  # noqa: PLC0415 - the same

    class NoReserve:
        def __init__(self, _folder: Path) -> None:
            pass

        def release(self) -> bool:
            return False

    command.require_room = lambda *_args, **_more: None  # type: ignore[attr-defined] # the point of it
    schema.take_room = lambda *_args, **_more: None  # the same
    engine.Reserve = NoReserve  # type: ignore[assignment, attr-defined] # the same


def _fill_log() -> None:
    real: Callable[..., Any] = os.open

    def opened(path: Any, *more: Any, **named: Any) -> Any:
        return real("/dev/full", os.O_WRONLY) if str(path).endswith("run.log") else real(path, *more, **named)

    os.open = opened  # the point of it


def _on_tmpfs(rig: Rig, *, quick: bool) -> int:
    folder = rig.folder / "small"
    folder.mkdir()
    mount = ["/bin/mount", "-t", "tmpfs", "-o", f"size={_TMPFS_BYTES}", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        return 0
    points = 0
    try:
        for left in range(40_000, 400_000, 180_000 if quick else 20_000):
            _fill_and_run(rig.job(), folder, left)
            points += 1
    finally:
        subprocess.run(["/bin/umount", str(folder)], capture_output=True, check=False)
    return points


def _fill_and_run(job: TorturedJob, folder: Path, left: int) -> None:
    job.run_dir = folder / job.folder.name
    filler = folder / "filler"
    filler.write_bytes(bytes(max(0, os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize - left)))
    job.start(before=_no_reserve)
    filler.unlink()
    _check_with_room(job, left)
    for path in sorted(job.run_dir.rglob("*"), reverse=True):
        path.unlink()
    if job.run_dir.exists():
        job.run_dir.rmdir()


def _check_with_room(job: TorturedJob, left: int) -> None:
    job.before_resume = _no_reserve
    job.check(f"a disk with {left} bytes left")
