"""Options of waves: what is refused before anything is loaded, and what `check` shows of them."""

import json
from pathlib import Path

import pytest

from batch.cli.app import main
from batch.process.version import version
from jobs.manifest.loading import load
from jobs.manifest.source import copy_manifest
from jobs.spec import JobSpec

KEY, PROJECT = "0" * 32, "a" * 32
PLACE = ("--region=cn-north-4", f"--project-id={PROJECT}")


@pytest.fixture(autouse=True)
def _login(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One that is not asked, and no place to leave anything but the test's."""
    monkeypatch.setenv("CSMS_REKEY_TOKEN", "a-token-that-no-other-test-has-in-a-name")
    monkeypatch.setenv("CSMS_REKEY_METADATA_URL", "http://127.0.0.1:9")
    monkeypatch.chdir(tmp_path)


def manifest() -> str:
    rows = [f"{name},{KEY},{stage}" for name, stage in (("a", "canary"), ("b", ""), ("c", "canary"), ("../d", "rest"))]
    Path("m.csv").write_text("\n".join(["secret_name,kms_key_id,stage", *rows, ""]), encoding="utf-8")
    return "m.csv"


@pytest.mark.parametrize("command", ["run", "go"])
@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--soak=5m",), "--soak: there are no waves: say --wave-by COLUMN"),
        (("--between=true",), "--between: there are no waves: say --wave-by COLUMN"),
        (("--wave-by=stage", "--between= "), "--between: names no command"),
        (("--wave-by= ",), "--wave-by: names no column"),
        (("--wave-by=stages",), "--wave-by names a column that is not there; did you mean 'stage'?"),
    ],
)
def test_waves_that_cannot_be_are_refused_and_nothing_is_left_behind(
    capsys: pytest.CaptureFixture[str], command: str, options: tuple[str, ...], reason: str
) -> None:
    run_dir = Path("run")
    assert main([command, manifest(), *PLACE, f"--run-dir={run_dir}", *options]) == 2
    assert reason in capsys.readouterr().err
    assert not run_dir.exists()


def test_check_shows_each_wave_with_its_rows(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", manifest(), *PLACE, "--wave-by=stage"]) == 1
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("wave ")]
    assert lines == [
        "wave      canary: 2 rows",
        "wave      (no value): 1 row",
        "wave      rest: 1 row, 1 of them invalid",
    ]
    assert main(["check", manifest(), *PLACE, "--wave-by=stage", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["waves"] == [
        {"name": "canary", "rows": 2, "invalid": 0},
        {"name": "", "rows": 1, "invalid": 0},
        {"name": "rest", "rows": 1, "invalid": 1},
    ]


@pytest.mark.parametrize("option", ["--soak=5m", "--between=true"])
def test_resume_refuses_what_needs_waves_where_its_job_has_none(
    capsys: pytest.CaptureFixture[str], option: str
) -> None:
    folder = Path("run")
    folder.mkdir()
    spec = JobSpec(region="cn-north-4", project_id=PROJECT)
    load(copy_manifest(manifest(), folder), spec, folder, version=version(), on_problem=lambda _: None)
    assert main(["resume", str(folder), option]) == 2
    assert f"{option.partition('=')[0]}: there are no waves: say --wave-by COLUMN" in capsys.readouterr().err
