"""What root does by hand in the run directory of another user, as of a service: that user can continue."""

import os
from pathlib import Path

import pytest

from tests.e2e.tool import manifest_of, served
from tests.engine.rows import moves, small_service

USER = 4242
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@as_root
def test_what_root_does_by_hand_leaves_nothing_of_root_in_the_folder_of_a_user(tmp_path: Path) -> None:
    """The next night of a service could neither read nor move it, and would end with an error."""
    sandbox = small_service(secrets=10)
    rows = moves(sandbox)
    run_dir = tmp_path / "nightly"
    run_dir.mkdir(mode=0o700)
    os.chown(run_dir, USER, USER)
    manifest = tmp_path / "secrets.csv"
    with served(sandbox, tmp_path) as tool:
        for night in (rows[:5], rows[5:]):
            manifest.write_bytes(manifest_of(night))
            assert tool.run("go", str(manifest), *tool.to(run_dir)).code == 0
            assert tool.run("verify", str(run_dir), "--rate=unlimited").code == 0
        assert tool.run("report", str(run_dir)).code == 0
    names = {one.relative_to(run_dir).parts[0].split("-")[0] for one in run_dir.rglob("*")}
    assert {"ledger.db", "run.log", "report.html", "done", "verify"} <= names
    assert {one.name for one in run_dir.rglob("*") if (one.stat().st_uid, one.stat().st_gid) != (USER, USER)} == set()
