"""`check` looks the project up as `run` does, where a row needs it and there is a login."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.e2e.test_logins import ROOT, WRONG, Stage, serving

KEY = "0" * 32


def check(stage: Stage, tmp_path: Path, environment: dict[str, str]) -> tuple[int, dict[str, Any], str]:
    path = tmp_path / "m.csv"
    path.write_text(f"secret_name,kms_key_id\na,{KEY}\nb,{KEY}\n")
    done = subprocess.run(
        [sys.executable, "-m", "batch", "check", str(path), f"--endpoint={stage.url}", "--region=cn-north-4", "--json"],
        cwd=ROOT,
        env={"HOME": str(tmp_path), "CSMS_REKEY_METADATA_URL": "http://127.0.0.1:9", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, msgspec.json.decode(done.stdout) if done.stdout else {}, done.stderr


@pytest.mark.parametrize("auth", ["token", "aksk", "iam"])
def test_the_project_is_looked_up_with_the_login_that_is_there(tmp_path: Path, auth: str) -> None:
    with serving(projects=1) as stage:
        code, told, err = check(stage, tmp_path, stage.environment(auth))
        (project,) = stage.sandbox.world.projects
        assert (code, told["invalid"], told["rows_without_project"], told["project_id"]) == (0, 0, 0, project), err
        assert [(one["project_id"], one["puts"]) for one in told["projects"]] == [(project, 2)]
        assert stage.asked("/secrets") == 0


def test_a_login_that_is_refused_ends_it_as_it_would_end_a_run(tmp_path: Path) -> None:
    with serving(projects=1) as stage:
        code, told, err = check(stage, tmp_path, stage.environment("aksk", HUAWEICLOUD_SDK_SK=WRONG))
        assert (code, told) == (3, {})
        assert "IAM does not tell the project of cn-north-4" in err


def test_without_a_login_nothing_is_asked(tmp_path: Path) -> None:
    with serving(projects=1) as stage:
        code, told, _ = check(stage, tmp_path, {"CSMS_REKEY_TOKEN": ""})
        assert (code, told["rows_without_project"], told["project_id"]) == (0, 2, None)
        assert stage.sandbox.journal.arrived_count == 0
