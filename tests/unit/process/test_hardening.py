"""The process keeps to itself, whatever it inherited."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SCRIPT = """
import os, resource, sys
from batch.process.hardening import harden
harden()
assert os.umask(0o077) == 0o077
assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)
assert "SSLKEYLOGFILE" not in os.environ
assert not {"aiohttp", "ssl"} & set(sys.modules), "too late for its TLS context"
import aiohttp, ctypes
assert sys.platform != "linux" or ctypes.CDLL(None).prctl(3, 0, 0, 0, 0) == 0
open(sys.argv[1], "w").close()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no umask, no core files")
def test_files_are_private_no_core_is_dumped_and_no_tls_key_is_written(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    environment = os.environ | {"SSLKEYLOGFILE": str(keys)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "file")],
        cwd=ROOT,
        env=environment,
        umask=0o022,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600
    assert not keys.exists()
