"""Options from the variables of other tools: what they mean, and that they count least."""

from pathlib import Path

import pytest

from batch.cli.app import main


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("HW_REGION_NAME", "OS_REGION_NAME", "OS_CACERT", "HW_PROFILE", "HW_CLOUD", "CSMS_REKEY_REGION"):
        monkeypatch.delenv(name, raising=False)


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    assert main(["config", *arguments]) == 0
    return capsys.readouterr().out.splitlines()


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["config", *arguments]) == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("HW_REGION_NAME", "cn-north-4", 'region = "cn-north-4"'),
        ("OS_REGION_NAME", "cn-north-4", 'region = "cn-north-4"'),
        ("OS_CACERT", "corporate.pem", 'ca-file = "corporate.pem"'),
    ],
)
def test_a_variable_of_another_tool_gives_its_option(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str, line: str
) -> None:
    monkeypatch.setenv(name, value)
    assert f"{line}  # {name}" in shown(capsys)


def test_flag_variable_and_job_file_all_count_more(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("HW_REGION_NAME", "cn-north-4")
    job = tmp_path / "job.toml"
    job.write_text('region = "cn-east-3"\n')
    assert f'region = "cn-east-3"  # {job}' in shown(capsys, f"--job={job}")
    monkeypatch.setenv("CSMS_REKEY_REGION", "cn-south-1")
    assert 'region = "cn-south-1"  # CSMS_REKEY_REGION' in shown(capsys, f"--job={job}")
    assert 'region = "cn-east-2"  # --region' in shown(capsys, "--region=cn-east-2")


def test_two_tools_that_differ_and_an_unknown_region_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OS_REGION_NAME", "RegionOne")
    assert "OS_REGION_NAME: --region: unknown region 'RegionOne'" in refusal(capsys)
    monkeypatch.setenv("HW_REGION_NAME", "cn-north-4")
    assert "HW_REGION_NAME and OS_REGION_NAME are set to different values" in refusal(capsys)
    assert 'region = "cn-east-2"  # --region' in shown(capsys, "--region=cn-east-2")


def test_the_host_of_csms_in_a_region_is_where_the_sdk_is_told_that_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "HUAWEICLOUD_SDK_REGION_CSMS_EU_DE"
    monkeypatch.setenv(name, "https://kms.eu-de.otc.example,https://other.example")
    assert f'endpoint = "https://kms.eu-de.otc.example"  # {name}' in shown(capsys, "--region=eu-de")
    assert 'endpoint = "https://mine.example"  # --endpoint' in shown(
        capsys, "--region=eu-de", "--endpoint=https://mine.example"
    )


@pytest.mark.parametrize("cloud", ["myhuaweicloud.com", "MyHuaweiCloud.eu", ""])
def test_a_cloud_that_the_table_of_regions_knows_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], cloud: str
) -> None:
    monkeypatch.setenv("HW_CLOUD", cloud)
    assert "# endpoint: not given  # default" in shown(capsys, "--region=cn-north-4")


def test_in_another_cloud_the_region_is_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HW_CLOUD", "hc.example.ru")
    found = shown(capsys, "--region=ru-moscow-1")
    assert 'endpoint = "https://kms.ru-moscow-1.hc.example.ru"  # HW_CLOUD' in found


def test_a_file_of_regions_that_names_csms_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / ".huaweicloud" / "regions.yaml"
    path.parent.mkdir()
    path.write_text("ECS:\n  - id: cn-north-4\n    endpoint: https://ecs.example\n")
    assert "# endpoint: not given  # default" in shown(capsys, "--region=cn-north-4")
    path.write_text("Csms:\n  - id: cn-north-4\n    endpoint: https://kms.example\n")
    assert f"{path} names hosts of CSMS, and is not read" in refusal(capsys, "--region=cn-north-4")
