"""A signal in the moment in which a new directory is taken: nothing was sent, so nothing is left."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.tool import manifest_of
from tests.engine.rows import moves, small_service

ROOT = Path(__file__).parents[2]
SCRIPT = """
import os, signal, sys
from batch.cli.app import main
from jobs.run_dir.scope_locks import Patience
real = Patience.take
def take(patience, *given):
    lock = real(patience, *given)
    os.kill(os.getpid(), signal.SIGTERM)
    return lock
Patience.take = take
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    "command",
    [
        ["run", "m.csv", "--run-dir=new"],
        ["go", "m.csv", "--run-dir=new"],
        ["plan", "m.csv", "--out=new"],
        ["verify", "m.csv", "--out=new"],
        ["retire", f"--old-key={'0' * 32}", f"--project-id={'0' * 32}", "--out=new"],
    ],
)
def test_a_signal_right_after_the_lock_leaves_no_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    (tmp_path / "m.csv").write_bytes(manifest_of(moves(small_service(secrets=3))))
    monkeypatch.setenv("CSMS_REKEY_TOKEN", "x")
    monkeypatch.setenv("CSMS_REKEY_LOCK_DIR", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    words = [sys.executable, "-c", SCRIPT, *command, "--endpoint=http://127.0.0.1:9"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 143, done.stderr
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []
