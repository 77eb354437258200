"""The file of metrics after every way a run can end before it has a summary: yesterday's figures never stay."""

import signal
import subprocess
from pathlib import Path

from tests.e2e.tool import Tool, manifest_of, served, wait_until
from tests.engine.rows import moves, small_service
from tests.unit.telemetry.scraping import figures

YESTERDAY = 'csms_rekey_exit_code 0.0\ncsms_rekey_rows{status="updated"} 7.0\ncsms_rekey_end_time_seconds 1.0\n'
UNNAMED = b"secret_name,kms_key_id\na,11111111-2222-3333-4444-555555555555\n"


class Night:
    """Commands that share one file of metrics."""

    def __init__(self, tool: Tool, textfile: Path) -> None:
        self.tool = tool
        self.textfile = textfile
        self.option = f"--metrics-textfile={textfile}"

    def ends_with(self, code: int, *arguments: str, **more: str) -> None:
        """One command ends so, and the file tells that and nothing of yesterday."""
        self.textfile.write_text(YESTERDAY)
        ended = self.tool.run(*arguments, self.option, more=more)
        assert ended.code == code, ended
        self.tells(code)

    def tells(self, code: int) -> None:
        found = figures(self.textfile.read_text())
        assert set(found) == {"csms_rekey_exit_code", "csms_rekey_end_time_seconds"}
        assert found["csms_rekey_exit_code"] == code
        assert found["csms_rekey_end_time_seconds"] > 1


def test_an_end_before_the_summary_takes_the_figures_of_the_run_before_away(tmp_path: Path) -> None:
    sandbox = small_service(secrets=60)
    path, unnamed, bad = tmp_path / "m.csv", tmp_path / "unnamed.csv", tmp_path / "bad.csv"
    path.write_bytes(manifest_of(moves(sandbox)))
    unnamed.write_bytes(UNNAMED)
    bad.write_bytes(b"secret_name\na\n")
    with served(sandbox, tmp_path, latency_ms=20) as tool:
        night = Night(tool, tmp_path / "x.prom")
        night.ends_with(2, "run", str(path), *tool.to(tmp_path / "a"), "--misspelt")
        night.ends_with(2, "run", str(path), *tool.to(tmp_path / "a", "--rate=fast"))
        night.ends_with(2, "run", str(bad), *tool.to(tmp_path / "a"))
        night.ends_with(2, "resume", str(tmp_path / "nowhere"))
        (tmp_path / "damaged").mkdir()
        (tmp_path / "damaged" / "ledger.db").write_bytes(b"no ledger" * 1000)
        night.ends_with(74, "resume", str(tmp_path / "damaged"))
        endpoint = tool.to(tmp_path)[0].partition("=")[2]
        user = sandbox.directory.user
        login = {"OS_USERNAME": user.name, "OS_USER_DOMAIN_NAME": user.domain, "OS_AUTH_URL": f"{endpoint}/v3"}
        options = (*tool.to(tmp_path / "a"), "--region=cn-north-4", "--auth=iam")
        night.ends_with(3, "run", str(unnamed), *options, OS_PASSWORD="wrong", **login)
        before = sandbox.journal.arrived_count
        with tool.start("run", str(path), *tool.to(tmp_path / "b", "--rate=2/s")) as running:
            wait_until(lambda: sandbox.journal.arrived_count > before, running)
            night.ends_with(4, "resume", str(tmp_path / "b"))
            running.kill()


def test_an_interruption_while_the_manifest_is_loaded_is_in_the_metrics(tmp_path: Path) -> None:
    night = Night(Tool(tmp_path, "http://127.0.0.1:9", "t"), tmp_path / "x.prom")
    night.textfile.write_text(YESTERDAY)
    run_dir = tmp_path / "run"
    with night.tool.start("run", "-", *night.tool.to(run_dir), night.option, stdin=subprocess.PIPE) as running:
        wait_until(run_dir.exists, running)
        running.send_signal(signal.SIGTERM)
        assert running.wait(20) == 143
    night.tells(143)
