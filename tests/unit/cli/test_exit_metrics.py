"""The file of metrics after an end without a summary tells exit code and time, and nothing of an earlier run."""

import errno
import os
from pathlib import Path

import pytest

from batch.cli.app import main
from batch.cli.exit_metrics import ExitMetrics, textfile_of
from batch.telemetry.notify import targets_of
from jobs.spec import SpecError
from tests.unit.telemetry.scraping import figures

VARIABLE = "CSMS_REKEY_METRICS_TEXTFILE"
EARLIER = 'csms_rekey_exit_code 0.0\ncsms_rekey_rows{status="updated"} 7.0\n'


def test_an_end_without_figures_takes_those_of_an_earlier_run_away(tmp_path: Path) -> None:
    path = tmp_path / "x.prom"
    path.write_text(EARLIER)
    ExitMetrics(["run", "m.csv", f"--metrics-textfile={path}"], {}).write(4)
    found = figures(path.read_text())
    assert (set(found), found["csms_rekey_exit_code"]) == ({"csms_rekey_exit_code", "csms_rekey_end_time_seconds"}, 4)
    assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("before", [None, EARLIER])
def test_what_the_run_itself_has_written_stays(tmp_path: Path, before: str | None) -> None:
    path = tmp_path / "x.prom"
    if before is not None:
        path.write_text(before)
    metrics = ExitMetrics(["resume", "d"], {VARIABLE: str(path)})
    (tmp_path / "new").write_text(EARLIER)
    (tmp_path / "new").replace(path)
    metrics.write(1)
    assert path.read_text() == EARLIER


def full(_descriptor: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_file_that_cannot_be_written_changes_nothing_and_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ExitMetrics(["run", "m.csv", f"--metrics-textfile={tmp_path}/no/x.prom"], {}).write(2)
    assert capsys.readouterr().err == ""
    path = tmp_path / "x.prom"
    metrics = ExitMetrics(["run", "m.csv", f"--metrics-textfile={path}"], {})
    monkeypatch.setattr(os, "fsync", full)
    metrics.write(2)
    assert capsys.readouterr().err == f"csms-rekey: {path}: metrics not written: No space left on device\n"


def _untouched(path: Path) -> tuple[int, ...]:
    """What changes with a file; not when it was last looked at, as to follow a link counts as that."""
    now = path.lstat()
    return now.st_ino, now.st_mode, now.st_size, now.st_mtime_ns


@pytest.mark.parametrize("kind", ["pipe", "folder", "link to a pipe", "loop", "manifest"])
def test_what_is_no_file_of_metrics_is_refused_as_an_option_and_never_replaced(tmp_path: Path, kind: str) -> None:
    """For root also a device: one that was replaced breaks the machine."""
    path, pipe = tmp_path / "x.prom", tmp_path / "pipe"
    os.mkfifo(pipe)
    match kind:
        case "pipe":
            path = pipe
        case "folder":
            path.mkdir()
        case "link to a pipe":
            path.symlink_to(pipe)
        case "loop":
            path.symlink_to(path)
        case _:
            path.write_text("secret_name,kms_key_id\n")
    before = _untouched(path)
    with pytest.raises(SpecError, match=f"metrics-textfile: {path}: "):
        targets_of(None, path)
    ExitMetrics(["run", "m.csv", f"--metrics-textfile={path}"], {}).write(2)
    assert _untouched(path) == before


def test_a_file_that_is_empty_or_new_takes_the_figures(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    for name in ("empty", "new"):
        assert targets_of(None, tmp_path / name).textfile == tmp_path / name
        ExitMetrics(["run", "m.csv", f"--metrics-textfile={tmp_path / name}"], {}).write(2)
        assert figures((tmp_path / name).read_text())["csms_rekey_exit_code"] == 2


@pytest.mark.parametrize("command", ["run", "go"])
def test_a_file_that_holds_anything_else_is_refused_and_never_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    path = tmp_path / "m.csv"
    path.write_text("secret_name,kms_key_id\n")
    words = [command, str(path), f"--run-dir={tmp_path / 'd'}", f"--metrics-textfile={path}"]
    assert main(words) == 2
    assert "m.csv: holds something else, which it would replace" in capsys.readouterr().err
    assert path.read_text() == "secret_name,kms_key_id\n"


def test_a_file_of_metrics_takes_the_place_of_no_pipe_or_device(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(SpecError, match="pipe: exists and is not a plain file"):
        targets_of(None, pipe)
    ExitMetrics(["run", "m.csv", f"--metrics-textfile={pipe}"], {}).write(2)
    assert pipe.is_fifo()


@pytest.mark.parametrize(
    ("words", "environment", "found"),
    [
        (["run", "m", "--metrics-textfile", "a"], {VARIABLE: "b"}, "a"),
        (["run", "m", "--metrics-textfile=a", "--misspelt"], {VARIABLE: "b"}, "a"),
        (["go", "m"], {VARIABLE: "b"}, "b"),
        (["resume", "d"], {VARIABLE: ""}, None),
        (["resume", "d", "--metrics-textfile"], {}, None),
        (["run", "m", "--metrics-textfile", "--yes"], {}, None),
        (["run", "m"], {}, None),
        (["check", "m"], {VARIABLE: "b"}, None),
        (["run", "--help"], {VARIABLE: "b"}, None),
        ([], {VARIABLE: "b"}, None),
    ],
)
def test_the_file_is_the_one_that_a_run_was_given(
    words: list[str], environment: dict[str, str], found: str | None
) -> None:
    assert textfile_of(words, environment) == (None if found is None else Path(found))


@pytest.mark.parametrize("key", ["metrics-textfile", "metrics_textfile"])
def test_a_job_file_may_name_it(tmp_path: Path, key: str) -> None:
    job = tmp_path / "job.toml"
    job.write_text(f'{key} = "c"\nmax-attempts = 3\n')
    assert textfile_of(["run", "m", "--job", str(job)], {}) == Path("c")
    assert textfile_of(["run", "m", f"--job={job}"], {VARIABLE: "b"}) == Path("b")
    job.write_text("= broken")
    assert textfile_of(["run", "m", "--job", str(job)], {}) is None
