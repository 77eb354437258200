"""The key before from the command line: looked up unless that is switched off, and told in the files of a run."""

import json
from pathlib import Path

from batch.sandbox.assembly import sandbox_of
from batch.sandbox.options import SandboxOptions
from tests.e2e.tool import case_in, manifest_of, outcomes_in, served
from tests.engine.machine import keys_of
from tests.engine.rows import moves, project_of
from tests.kit.records import records_of
from tests.oracle import violations


def test_a_run_lists_first_tells_the_key_before_and_keeps_that_over_a_resume(tmp_path: Path) -> None:
    sandbox = sandbox_of(SandboxOptions(secrets=12, seed=3), epoch_s=0.0, keep=True)
    asked, keys, before = moves(sandbox), project_of(sandbox).key_ids, keys_of(sandbox)
    manifest = manifest_of(asked)
    (tmp_path / "m.csv").write_bytes(manifest)
    with served(sandbox, tmp_path) as tool:
        options = tool.to(tmp_path / "run", "--limit=5")
        first = tool.run("run", str(tmp_path / "m.csv"), *options, more={"CSMS_REKEY_BEFORE": ""})
        again = tool.run("resume", str(tmp_path / "run"), more={"CSMS_REKEY_BEFORE": ""})
    assert (first.code, again.code) == (0, 0), first.err + again.err
    records = records_of(sandbox.journal)
    assert [one.method for one in records if one.secret_name is None] == ["GET", "GET"]
    assert {claim.before_kms_key_id for claim in outcomes_in(tmp_path / "run")} == {keys.old}
    assert violations(case_in(tmp_path / "run", asked, manifest, sandbox, before)) == []
    summary = json.loads((tmp_path / "run" / "summary.json").read_bytes())
    assert (summary["job"]["before"], summary["keys"][0]["old_keys"]) == ("list", [keys.old])
    assert "key_before:" not in again.out


def test_a_list_that_is_refused_is_told_at_the_end_and_stops_nothing(tmp_path: Path) -> None:
    sandbox = sandbox_of(SandboxOptions(secrets=3, seed=3, deny=("csms:secret:list",)), epoch_s=0.0, keep=True)
    (tmp_path / "m.csv").write_bytes(manifest_of(moves(sandbox)))
    with served(sandbox, tmp_path) as tool:
        ended = tool.run("run", str(tmp_path / "m.csv"), *tool.to(tmp_path / "run"), "--before=list")
    assert ended.code == 0
    assert "its secrets could not be listed" in ended.out
    assert "the key before is not known for 3 rows that were changed or may have been" in ended.out
    assert "its secrets could not be listed" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")


def test_another_word_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    sandbox = sandbox_of(SandboxOptions(secrets=3, seed=3), epoch_s=0.0, keep=True)
    (tmp_path / "m.csv").write_bytes(manifest_of(moves(sandbox)))
    with served(sandbox, tmp_path) as tool:
        ended = tool.run("run", str(tmp_path / "m.csv"), *tool.to(tmp_path / "run"), "--before=never")
    assert (ended.code, ended.out) == (2, "")
    assert "--before: 'never' is neither list nor off" in ended.err
    assert records_of(sandbox.journal) == ()
