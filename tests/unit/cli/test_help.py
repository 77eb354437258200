"""What the help pages promise, and where a usage error points to."""

import pytest

from batch.cli.app import app, main


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main([*arguments, "--help"]) == 0
    return " ".join(capsys.readouterr().out.replace("│", " ").split())


def test_commands_stand_in_the_order_in_which_they_are_used() -> None:
    ordered = sorted((one for one in app if not one.startswith("-")), key=lambda name: app[name].sort_key)
    before = ["run", "check", "plan", "resume", "go", "verify", "rollback", "retire", "report", "status"]
    assert ordered == [*before, "merge", "set", "auth", "config", "sandbox", "demo"]


def test_resume_names_no_default_that_it_does_not_take(capsys: pytest.CaptureFixture[str]) -> None:
    resume, run = shown(capsys, "resume"), shown(capsys, "run")
    assert ("[default: the job's]" in resume, "[default: 10/s]" in resume, "[default: 10m]" in resume) == (True,) + (
        False,
    ) * 2
    assert ("[default: 10/s]" in run, "[default: 10m]" in run) == (True, True)


@pytest.mark.parametrize(
    ("command", "codes", "elsewhere"),
    [
        ("run", True, True),
        ("resume", True, True),
        ("go", True, True),
        ("check", False, True),
        ("auth", False, True),
        ("config", False, True),
        ("report", False, False),
        ("status", False, False),
        ("sandbox", False, False),
        ("demo", False, False),
    ],
)
def test_each_page_ends_with_what_is_true_of_its_command(
    capsys: pytest.CaptureFixture[str], command: str, *, codes: bool, elsewhere: bool
) -> None:
    page = shown(capsys, command)
    assert "Exit codes: " in page
    assert ("3 stopped early by a safety rule" in page) is codes
    assert ("Every option is also an environment variable" in page) is elsewhere


def test_auth_has_no_option_that_means_nothing_there(capsys: pytest.CaptureFixture[str]) -> None:
    page = shown(capsys, "auth")
    assert [option for option in ("--strict", "--rate", "--wave-by", "--before") if option in page] == []
    assert "--project-id" in page


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["run", "m.csv", "--frobnicate"], "csms-rekey run --help lists its options"),
        (["resume", "d", "--raet=1/s"], "csms-rekey resume --help lists its options"),
        (["run", "m.csv", "--burst=x"], "csms-rekey run --help lists its options"),
        (["status"], "csms-rekey status --help lists its options"),
        (["frobnicate"], "csms-rekey --help lists the commands"),
    ],
)
def test_a_usage_error_points_at_the_help_of_what_was_typed(
    capsys: pytest.CaptureFixture[str], arguments: list[str], hint: str
) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err.splitlines()[-1] == f"csms-rekey: {hint}"
