"""What is posted at the end of a run, as a hook gets it."""

import json
from pathlib import Path

from tests.e2e.tool import manifest_of, served
from tests.engine.rows import moves, small_service
from tests.unit.telemetry.test_notify import listening

WHEN = "(once that is mended, continue where it stopped)"


def test_a_chat_hears_of_a_run_that_was_stopped_and_of_its_next_command(tmp_path: Path) -> None:
    sandbox = small_service(secrets=3)
    path, run_dir = tmp_path / "m.csv", tmp_path / "run"
    path.write_bytes(manifest_of(moves(sandbox)))
    with served(sandbox, tmp_path) as tool, listening() as hook:
        more = {"CSMS_REKEY_NOTIFY_URL": hook.url, "CSMS_REKEY_NOTIFY_FORMAT": "text", "CSMS_REKEY_TOKEN": "wrong"}
        assert tool.run("run", str(path), *tool.to(run_dir), more=more).code == 3
    [(_, _, body)] = hook.got
    lines = json.loads(body)["text"].splitlines()
    assert lines[0].startswith(f"csms-rekey: {path}: stopped early: the login was not accepted (")
    assert lines[1:] == ["3 not_attempted; exit code 3", f"next: csms-rekey resume {run_dir} {WHEN}"]
