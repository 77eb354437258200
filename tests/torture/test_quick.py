"""A sample of the torture in every run of the suite; the whole of it has its own command."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(sys.platform != "linux", reason="waits for its children by Linux means")
def test_a_sample_of_kills_errors_full_disks_and_simulations_breaks_no_rule() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.torture", "--quick"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, " 0 violations" in done.stdout) == (0, True), done.stdout[-3_000:] + done.stderr[-3_000:]
