"""A person at a terminal gets lines from the sandbox that start a run when they are pasted into a shell."""

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOL = f'csms-rekey() {{ "{sys.executable}" -m batch "$@"; }}'


@pytest.mark.parametrize(("options", "written"), [(["--manifest=m.csv"], "runs"), (["--projects=2"], "plans")])
def test_what_the_sandbox_prints_at_a_terminal_can_be_pasted(tmp_path: Path, options: list[str], written: str) -> None:
    master, slave = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "batch", "sandbox", "--secrets=4", *options]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=slave, stderr=subprocess.PIPE, text=True
    ) as sandbox:
        assert sandbox.stderr is not None
        lines: list[str] = []
        while not (lines and lines[-1].startswith("csms-rekey ")):
            lines.append(sandbox.stderr.readline())
        pasted = "".join(lines).partition(":\n")[2]
        ran = subprocess.run(
            ["/bin/bash", "-c", f"{TOOL}\n{pasted}"],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        sandbox.send_signal(signal.SIGTERM)
    os.close(master)
    os.close(slave)
    assert (ran.returncode, len(list((tmp_path / written).iterdir()))) == (0, 1), ran.stderr
