"""What a job file may hold, and how it is refused."""

from pathlib import Path

import pytest

from batch.cli.app import main
from batch.cli.job_file import read_job_file
from jobs.spec import UsageError


def test_options_of_any_command_may_be_written_either_way(tmp_path: Path) -> None:
    path = tmp_path / "job.toml"
    path.write_text('max-attempts = 3\nproject_id = "p"\nstrict = true\nrate = "5/s"\n')
    assert read_job_file(path) == {"max-attempts": 3, "project_id": "p", "strict": True, "rate": "5/s"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('[run]\nrate = "1/s"\n', "[run] is a table"),
        ("raet = 1\n", "raet is not an option; did you mean rate?"),
        ("token = 'x'\n", "token is not an option; did you mean token-file?"),
        ("rate =\n", "not TOML"),
        ('run-dir = "a\\u0000b"\n', "run-dir holds a NUL character"),
        ('only = ["a", "\\u0000"]\n', "only holds a NUL character"),
        ("\udcff", "not TOML"),
    ],
)
def test_what_would_be_ignored_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "job.toml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UsageError) as refused:
        read_job_file(path)
    assert f"--job: {path}: {reason}" in str(refused.value)


@pytest.mark.parametrize("name", ["nosuch.toml", "."])
def test_a_job_file_that_cannot_be_read_is_a_usage_error(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "m.csv", "--job", str(tmp_path / name)]) == 2
    assert "--job: " in capsys.readouterr().err
