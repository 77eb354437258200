"""What `config` prints: every option, its value and where it comes from, and never a credential."""

import json
from pathlib import Path

import pytest

from batch.cli.app import main
from batch.cli.environment import NO_OPTIONS, PREFIX
from batch.cli.options import OF_FLEETS, OPTIONS

OF_A_PLAN = {"old_key", "new_key", "key_map", "all_projects", "owner_column"}


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [f"{PREFIX}{option}".upper() for option in (*OPTIONS, *NO_OPTIONS)]:
        monkeypatch.delenv(name, raising=False)


def test_each_option_is_shown_with_the_first_place_that_gives_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    job = tmp_path / "job.toml"
    job.write_text('rate = "3/s"\nmax_attempts = 4\ntimeout = 90\nwait = "1m"\n')
    monkeypatch.setenv("CSMS_REKEY_MAX_ATTEMPTS", "5")
    monkeypatch.setenv("CSMS_REKEY_GRACE", "1.5m")
    assert main(["config", f"--job={job}", "--grace=30", "--no-strict"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {
        f'rate = "3/s"  # {job}',
        f'timeout = "1m30s"  # {job}',
        f'wait = "1m"  # {job}',
        "max-attempts = 5  # CSMS_REKEY_MAX_ATTEMPTS",
        'grace = "30s"  # --grace',
        "strict = false  # --no-strict",
        '# max-outage = "10m"  # default',
        "# max-failures: no limit  # default",
        "# region: not given  # default",
        "# only: not given  # default",
        f'# job = "{job}"  # --job',
    } <= set(lines)
    shown = {line.removeprefix("# ").partition(" =")[0].partition(":")[0] for line in lines[:-1]}
    assert shown == {
        option.replace("_", "-") for option in OPTIONS - {"junit", "out", "owner_column", *OF_A_PLAN, *OF_FLEETS}
    }


def test_what_is_printed_is_a_job_file_that_asks_for_the_same(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    asked = ["--rate=200/5m", "--max-failures=2.5%", "--max-duration=1h30m", '--key-pattern=[a-z\\d"]+', "--strict"]
    asked += ["--only=db-*", "--only=x", "--exclude=db-1", "--limit=5", "--delimiter=;"]
    assert main(["config", *asked]) == 0
    job = tmp_path / "job.toml"
    job.write_text(capsys.readouterr().out, encoding="utf-8")
    given = {}
    for arguments in (asked, [f"--job={job}"]):
        assert main(["config", "--json", *arguments]) == 0
        options = json.loads(capsys.readouterr().out)["options"]
        given[arguments[0]] = {name: one["value"] for name, one in options.items() if name != "job"}
    assert given["--rate=200/5m"] == given[f"--job={job}"]


@pytest.mark.parametrize("json_too", [(), ("--json",)])
def test_no_credential_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], json_too: tuple[str, ...]
) -> None:
    for name in NO_OPTIONS:
        monkeypatch.setenv(f"{PREFIX}{name}", f"canary-of-{name}")
    monkeypatch.setenv("CSMS_REKEY_NOTIFY_URL", "https://hooks.example/canary")
    assert main(["config", *json_too, "--proxy=http://user:canary@proxy.example:8080"]) == 0
    told = capsys.readouterr()
    assert "canary" not in told.out + told.err
    assert "CSMS_REKEY_TOKEN" in told.out
    assert "CSMS_REKEY_NOTIFY_URL" in told.out


def test_an_option_that_cannot_be_used_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "--timeout=soon"]) == 2
    assert "--timeout: 'soon' is not a time" in capsys.readouterr().err
