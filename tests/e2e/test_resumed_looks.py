"""`resume` of a directory that `plan`, `verify` or `retire` has begun: all that it asks is taken from there."""

import json
from pathlib import Path

import pytest

from tests.e2e.tool import manifest_of, served
from tests.engine.rows import moves, project_of, small_service

ANSWERS = {"plan": "plan.json", "verify": "verify.json", "retire": "retire.json"}


@pytest.mark.parametrize("command", ["plan by keys", "plan MANIFEST", "verify RUN", "retire RUN", "retire by keys"])
def test_what_was_stopped_is_asked_again_although_all_that_it_was_given_is_missing(
    tmp_path: Path, command: str
) -> None:
    sandbox = small_service(secrets=3)
    keys, source, run_dir, out = project_of(sandbox).key_ids, tmp_path / "m.csv", tmp_path / "run", tmp_path / "out"
    source.write_bytes(manifest_of(moves(sandbox)).replace(b"note\n", b"owner\n", 1))
    with served(sandbox, tmp_path) as tool:
        endpoint = tool.to(run_dir)[0]
        if command.endswith("RUN"):
            assert tool.run("run", str(source), *tool.to(run_dir, "--before=list")).code == 0
        project = f"--project-id={moves(sandbox)[0].project_id}"
        words = {
            "plan by keys": ("plan", "--old-key", keys.old, "--new-key", keys.new, project, endpoint),
            "plan MANIFEST": ("plan", "-", endpoint),
            "verify RUN": ("verify", str(run_dir)),
            "retire RUN": ("retire", str(run_dir)),
            "retire by keys": ("retire", "--old-key", keys.old, project, endpoint),
        }[command]
        refused = tool.run(
            *words, f"--out={out}", "--rate=1000/s", given=source.read_bytes(), more={"CSMS_REKEY_TOKEN": "no"}
        )
        assert refused.code == 3, refused
        step = "get a new token and put it into CSMS_REKEY_TOKEN or --token-file"
        assert f"{step}; then `csms-rekey resume {out}` continues" in refused.err
        source.unlink()
        if run_dir.exists():
            run_dir.rename(tmp_path / "elsewhere")
        run_only = tool.run("resume", str(out), "--notify-url=https://example.com/x")
        whole = tool.run("resume", str(out), "--json")
        again = tool.run("resume", str(out))
    assert (run_only.code, whole.code, again.code) == (2, 1 if words[0] == "retire" else 0, 2), (run_only, whole, again)
    assert "--notify-url: is for a run" in run_only.err
    answer = json.loads((out / ANSWERS[words[0]]).read_text(encoding="utf-8"))
    assert json.loads(whole.out).items() >= answer.items()
    if words[0] == "plan":
        assert (answer["rows"], answer["rate"]) == (3, "1000/s")
    if command == "retire RUN":
        assert [one["owner"] for one in answer["owners"]] == ["note 1", "note 2", "note 3"]
