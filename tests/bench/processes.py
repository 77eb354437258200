"""Starts the service and the clients of a measurement, each on its own core, and takes their time and memory."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TOOL = (sys.executable, "-m", "batch")
_LAUNCH = (sys.executable, "-I", "-S", str(HERE / "launch.py"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What one process took: when it began in UTC seconds, wall and CPU seconds, peak memory, exit code and output."""

    began_at_s: float
    wall_s: float
    cpu_s: float
    peak_mb: float
    code: int
    out: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A running sandbox and what a client needs of it."""

    url: str
    token: str
    ak: str
    sk: str
    projects: tuple[str, ...]
    keys: dict[str, dict[str, str]]
    """The keys of each project by what they are for."""
    manifest: Path
    """Of all secrets, with the new key of their projects."""
    log: Path

    @property
    def way_back(self) -> Path:
        """The same manifest with the old keys: after the one, all rows of the other are to be changed."""
        path = self.manifest.with_name("way-back.csv")
        if not path.exists():
            text = self.manifest.read_text()
            for keys in self.keys.values():
                text = text.replace(keys["new"], keys["old"])
            path.write_text(text)
        return path


def environment(tree: Path, token: str = "x") -> dict[str, str]:  # noqa: S107 - no real one
    """That of a process which runs the sources of `tree`."""
    return {**os.environ, "CSMS_REKEY_TOKEN": token, "PYTHONPATH": str(tree)}


def run(
    command: Sequence[str | Path],
    *,
    token: str = "x",  # noqa: S107 - no real one
    core: int | None = 0,
    cwd: Path = ROOT,
    tree: Path = ROOT,
) -> Used:
    """Runs a process to its end on one core (None: anywhere)."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as figures:
        subprocess.run(
            [*_LAUNCH, str(figures.fileno()), *_pinned(core), *map(str, command)],
            stdout=out,
            stderr=subprocess.DEVNULL,
            env=environment(tree, token),
            cwd=cwd,
            pass_fds=(figures.fileno(),),
            check=True,
        )
        out.seek(0)
        figures.seek(0)
        took: dict[str, Any] = json.load(figures)
        return Used(peak_mb=took.pop("peak_kb") / 1024, out=out.read().decode(), **took)


@contextlib.contextmanager
def service(folder: Path, *options: str, log: bool = False) -> Iterator[Service]:
    """A sandbox in a separate process, on the other core."""
    manifest, journal = folder / "manifest.csv", folder / "service.log"
    command = [*_pinned(1), *TOOL, "sandbox", f"--manifest={manifest}", *options]
    command += [f"--log={journal}"] if log else []
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment(ROOT), cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            ready: dict[str, Any] = json.loads(process.stdout.readline())
            yield Service(
                url=ready["url"],
                token=ready["token"],
                ak=ready["ak"],
                sk=ready["sk"],
                projects=tuple(ready["project_ids"]),
                keys=ready["key_ids"],
                manifest=manifest,
                log=journal,
            )
        finally:
            process.terminate()
            process.wait(20)


def _pinned(core: int | None) -> tuple[str, ...]:
    pin = core is not None and shutil.which("taskset") and (os.cpu_count() or 1) > 1
    return ("taskset", "-c", str(core)) if pin else ()
