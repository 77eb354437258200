"""The systemd units: systemd takes them, and the tool works under everything that the service forbids."""

import csv
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from batch.sandbox.assembly import sandbox_of
from batch.sandbox.manifest import manifest_csv
from batch.sandbox.options import SandboxOptions
from tests.docs.confined import allowed_calls, settings, unusable
from tests.e2e.tool import Tool, served

UNITS = Path(__file__).parents[2] / "docs" / "examples" / "systemd"
SERVICE = UNITS / "csms-rekey.service"
ALERT = UNITS / "csms-rekey-alert.service"
PAGE = UNITS.parents[1] / "cron-job.md"
CONFINED = Path(__file__).parent / "confined.py"
SHELL = "/opt/csms-rekey/bin/csms-rekey"
confinable = pytest.mark.skipif(unusable() is not None, reason=str(unusable()))


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze on this machine")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    """Its own check has nothing to say, with a program that exists here in the place of the tool."""
    for path in UNITS.iterdir():
        (tmp_path / path.name).write_text(path.read_text().replace(SHELL, "/bin/true"))
    units = [str(path) for path in sorted(tmp_path.iterdir())]
    command = ["systemd-analyze", "--man=no", "--recursive-errors=no", "verify", *units]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (said.returncode, said.stderr) == (0, "")


def test_the_service_is_not_restarted_for_rows_to_fix_nor_to_begin_its_hours_again() -> None:
    """The same again gives the same, and what a rule stopped would get another --max-duration; one signal is enough."""
    lines = SERVICE.read_text().splitlines()
    assert {"RestartPreventExitStatus=1 2 3", "KillMode=mixed", "TimeoutStopSec=90"} <= set(lines)
    assert {"CSMS_REKEY_MAX_DURATION=4h", "CSMS_REKEY_MAX_OUTAGE=2h"} <= set(settings("\n".join(lines), "Environment"))


def test_a_service_that_failed_for_good_alerts_somebody_with_the_end_of_its_output() -> None:
    """A stop by hand, or of the machine, is not a failure."""
    lines = SERVICE.read_text().splitlines()
    assert {f"OnFailure={ALERT.name}", "SuccessExitStatus=143"} <= set(lines)
    [command] = settings(ALERT.read_text(), "ExecStart")
    assert f"--unit={SERVICE.name}" in command


def test_the_page_installs_every_unit_of_the_nightly_job_and_says_where_its_output_is() -> None:
    page = PAGE.read_text()
    [command] = re.findall(r"^    install -m 0644 (.*) /etc/systemd/system/$", page, re.MULTILINE)
    assert set(command.split()) == {path.name for path in UNITS.glob("csms-rekey[.-]*") if "@" not in path.name}
    assert f"journalctl -u {SERVICE.name}" in page


def test_metrics_of_the_service_are_written_where_it_may_write() -> None:
    """As the page says; and the locks where a run by hand looks for them."""
    drop_in = "\n".join(line.strip() for line in PAGE.read_text().partition("    [Service]\n")[2].splitlines()[:3])
    [_, file] = settings(drop_in, "Environment")[0].split("=")
    assert settings(drop_in, "ReadWritePaths") == [str(Path(file).parent)]
    assert settings(SERVICE.read_text(), "ReadWritePaths") == ["-/run/lock"]


def test_a_night_with_nothing_to_do_is_no_failure_to_the_service_manager() -> None:
    """Of a service that has to say that it is ready it would be one."""
    assert {"Type=oneshot", "NotifyAccess=main"} <= set(SERVICE.read_text().splitlines())


def confined(unit: Path, tool: Tool, *arguments: str) -> int:
    """What a command of the tool ends with under a unit."""
    with tool.start(*arguments, before=[sys.executable, str(CONFINED), str(unit)]) as running:
        _, said = running.communicate(timeout=30)
    assert b"Traceback" not in said, said.decode()
    return running.returncode


@confinable
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_whole_run_ends_well_under_the_service_s_own_filter(tmp_path: Path, kind: str) -> None:
    sandbox = sandbox_of(SandboxOptions(secrets=20, projects=2, seed=5), epoch_s=0.0)
    manifest = tmp_path / f"secrets.{kind}"
    text = manifest_csv(sandbox.world)
    if kind == "csv":
        manifest.write_text(text)
    else:
        pq.write_table(pa.Table.from_pylist(list(csv.DictReader(text.splitlines()))), manifest)
    with served(sandbox, tmp_path) as tool:
        assert confined(SERVICE, tool, "check", str(manifest), tool.to(tmp_path)[0]) == 0
        assert confined(SERVICE, tool, "go", str(manifest), *tool.to(tmp_path / "run")) == 0
    assert (tmp_path / "run" / "report.html").exists()


@confinable
def test_a_filter_that_kills_over_what_a_library_only_tries_is_noticed(tmp_path: Path) -> None:
    """As a service whose filter has neither the call nor an error for it; a quote loads such a library."""
    text = SERVICE.read_text().replace("SystemCallErrorNumber=EPERM\n", "")
    unit = tmp_path / "strict.service"
    unit.write_text(text.replace("~@privileged", "~@privileged @resources"))
    manifest = tmp_path / "secrets.csv"
    manifest.write_text('secret_name,kms_key_id\n"a",11111111-2222-3333-4444-555555555555\n')
    tool = Tool(tmp_path, "https://127.0.0.1:9", "t")
    assert confined(unit, tool, "check", str(manifest), tool.to(tmp_path)[0]) == -signal.SIGSYS


@confinable
def test_the_service_leaves_out_the_calls_of_an_administrator() -> None:
    """So the filter is one."""
    assert settings(SERVICE.read_text(), "SystemCallErrorNumber") == ["EPERM"]
    allowed = allowed_calls(SERVICE.read_text())
    assert {"openat", "socket", "mbind"} <= allowed
    assert not {"chown", "reboot", "bpf", "mount", "ptrace", "init_module", "setuid"} & allowed
