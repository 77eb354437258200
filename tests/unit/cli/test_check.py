"""What `check` finds in a manifest, in words, as JSON and as JUnit XML; it sends nothing, and needs no login."""

import json
import os
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from batch.cli.app import main

KEY, OLD, PROJECT = "0" * 32, "f" * 32, "a" * 32
REGION = "--region=cn-north-4"


@pytest.fixture(autouse=True)
def _no_login(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nor a service that could be asked for one."""
    for name in ("CSMS_REKEY_TOKEN", "HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK", "OS_USERNAME", "OS_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    monkeypatch.setenv("CSMS_REKEY_METADATA_URL", "http://127.0.0.1:9")


def manifest(folder: Path, *lines: str, header: str = "secret_name,kms_key_id,expected_kms_key_id") -> str:
    path = folder / "m.csv"
    path.write_text("\n".join([header, *lines, ""]), encoding="utf-8")
    return str(path)


def checked(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    code = main(["check", *arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_the_figures_are_those_of_the_run_in_words_and_as_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = manifest(tmp_path, f"a,{KEY},{OLD}", f"b,{KEY},", f"b,{KEY},", f"../x,{KEY},")
    place = (REGION, f"--project-id={PROJECT}", "--rate=3/m")
    code, told = checked(capsys, path, *place)
    assert (code, told["exit_code"], told["schema"], told["usable"]) == (1, 1, "csms-rekey/check/2", True)
    assert (told["rows"], told["invalid"], told["rows_without_project"]) == (4, 1, 0)
    assert told["project_id"] == PROJECT
    assert told["projects"] == [
        {
            "endpoint": "https://kms.cn-north-4.myhuaweicloud.com",
            "project_id": PROJECT,
            "region": "cn-north-4",
            "rows": 3,
            "puts": 2,
            "reads": 1,
            "lists": 1,
        }
    ]
    assert told["keys"] == [{"kms_key_id": KEY, "rows": 3, "old_keys": [OLD], "more_old_keys": 0}]
    assert (told["puts"], told["reads"], told["requests"], told["duration_s"]) == (2, 1, 4, 80.0)
    assert [(one["line"], one["column"], one["structural"]) for one in told["problems"]] == [(5, "secret_name", False)]
    assert main(["check", path, *place]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "requests  2 PUTs, 1 read of the keys before, and about 1 page of secrets" in lines
    assert "duration  about 1 min 20 s at 3/m per project, if nothing fails" in lines
    assert lines[-1] == f"{path}: 4 rows, 1 invalid, 0 structural problems"


@pytest.mark.parametrize(("column", "lines", "lacking"), [("", ("a", "b"), 2), (",project_id", ("a", "b"), 1)])
def test_rows_without_a_project_are_counted_where_no_login_could_name_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], column: str, lines: tuple[str, ...], lacking: int
) -> None:
    cells = ("", "") if not column else (f",{PROJECT}", ",")
    rows = [f"{name},{KEY}{cell}" for name, cell in zip(lines, cells, strict=True)]
    path = manifest(tmp_path, *rows, header=f"secret_name,kms_key_id{column}")
    code, told = checked(capsys, path, REGION)
    assert (code, told["invalid"], told["rows_without_project"], told["project_id"]) == (0, 0, lacking, None)
    assert [one["project_id"] for one in told["projects"]] == ([None] if not column else [PROJECT, None])
    assert main(["check", path, REGION]) == 0
    words = "1 row names" if lacking == 1 else f"{lacking} rows name"
    assert f"{words} no project, which was not looked up: no login" in capsys.readouterr().out


def test_where_every_row_names_its_project_nothing_is_looked_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even what is given for a login is looked at."""
    monkeypatch.setenv("HUAWEICLOUD_SDK_AK", "only half of a pair")
    path = manifest(tmp_path, f"a,{KEY},{PROJECT}", header="secret_name,kms_key_id,project_id")
    assert checked(capsys, path, REGION)[0] == 0
    lacking = manifest(tmp_path, f"a,{KEY}", header="secret_name,kms_key_id")
    assert main(["check", lacking, REGION]) == 2
    assert "HUAWEICLOUD_SDK_SK" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("lines", "options", "code"),
    [
        ((f"a,{KEY},",), (), 0),
        ((f"a,{KEY},", f"../x,{KEY},"), (), 1),
        ((f"a,{KEY},", f"../x,{KEY},"), ("--strict",), 2),
        (("a",), (), 2),
    ],
)
def test_the_exit_code_is_the_same_however_the_result_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], lines: tuple[str, ...], options: tuple[str, ...], code: int
) -> None:
    path = manifest(tmp_path, *lines)
    assert main(["check", path, REGION, *options]) == code
    capsys.readouterr()
    assert checked(capsys, path, REGION, *options)[1]["exit_code"] == code
    assert main(["check", path, REGION, *options, f"--junit={tmp_path / 'x.xml'}"]) == code


def test_a_manifest_that_cannot_be_read_is_one_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = checked(capsys, str(tmp_path / "nowhere.csv"), REGION)
    assert (code, told["usable"], told["sha256"], told["duration_s"]) == (2, False, None, None)
    assert ["No such file" in one["reason"] for one in told["problems"]] == [True]


def test_junit_has_one_failing_case_for_each_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, junit = manifest(tmp_path, f"../x,{KEY},", f"b<&\"'\u0085\ufffe\x0b,{KEY},"), tmp_path / "x.xml"
    assert main(["check", path, REGION, f"--junit={junit}"]) == 1
    suite = ET.fromstring(junit.read_bytes())  # noqa: S314 - our own
    assert (suite.get("tests"), suite.get("failures")) == ("2", "2")
    cases = suite.findall("testcase")
    assert [case.get("name") for case in cases] == [f"{path}:{line}: secret_name" for line in (2, 3)]
    reasons = [failure.get("message") or "" for case in cases for failure in case.findall("failure")]
    out = capsys.readouterr().out
    assert len(reasons) == 2
    assert all(f": {reason}\n" in out for reason in reasons)


def test_junit_never_takes_the_place_of_a_device_or_a_pipe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    for name in ("pipe", "link"):
        assert main(["check", manifest(tmp_path, f"a,{KEY},"), REGION, f"--junit={tmp_path / name}"]) == 2
        assert f"--junit: {tmp_path / name}: exists and is not a plain file" in capsys.readouterr().err
    assert (tmp_path / "pipe").is_fifo()
    assert (tmp_path / "link").is_symlink()


def test_junit_has_one_passing_case_where_there_is_no_problem(tmp_path: Path) -> None:
    path, junit = manifest(tmp_path, f"a,{KEY},"), tmp_path / "x.xml"
    assert main(["check", path, REGION, f"--junit={junit}"]) == 0
    suite = ET.fromstring(junit.read_bytes())  # noqa: S314 - our own
    assert (suite.get("tests"), suite.get("failures"), len(suite.findall("testcase/failure"))) == ("1", "0", 0)


def test_a_junit_file_that_cannot_be_written_is_refused_before_anything_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = manifest(tmp_path, f"a,{KEY},")
    before = Path(path).read_bytes()
    assert main(["check", path, f"--junit={tmp_path}/nowhere/x.xml"]) == 2
    assert "no such folder" in capsys.readouterr().err
    assert main(["check", path, f"--junit={path}"]) == 2
    assert "is the manifest" in capsys.readouterr().err
    assert Path(path).read_bytes() == before
    (tmp_path / "folder").mkdir()
    assert main(["check", path, REGION, f"--junit={tmp_path}/folder"]) == 74
    assert list((tmp_path / "folder").parent.glob(".part-*")) == []


def test_a_junit_file_takes_the_place_of_no_pipe_device_or_link(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As root, a rename over /dev/null or /dev/stdout would take it from the whole machine."""
    path, pipe, link = manifest(tmp_path, f"a,{KEY},"), tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(os.devnull)
    for taken in (pipe, link):
        assert main(["check", path, REGION, f"--junit={taken}"]) == 2
        assert "is not a plain file" in capsys.readouterr().err
    assert (pipe.is_fifo(), link.is_symlink()) == (True, True)
