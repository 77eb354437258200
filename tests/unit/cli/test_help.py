"""What the help pages promise, and where a usage error points to."""

import subprocess
from pathlib import Path

import pytest

from batch.cli.app import commands, main
from batch.cli.help_page import ALL, RARE
from batch.cli.options import PaceOptions

COMMANDS = list(commands())
WIDEST, LONGEST = 80, 45


def shown(capsys: pytest.CaptureFixture[str], *arguments: str, flag: str = "--help") -> str:
    assert main([*" ".join(arguments).split(), flag]) == 0
    return " ".join(capsys.readouterr().out.split())


def options_of(command: str) -> set[str]:
    return {
        one.name for one in commands()[command].assemble_argument_collection() if one.name.startswith("--") and one.show
    }


def test_commands_stand_in_the_order_in_which_they_are_used() -> None:
    known = [
        *("auth", "config", "check", "plan", "run", "resume", "go", "status", "set"),
        *("report", "verify", "rollback", "retire", "merge", "demo", "sandbox", "completion", "man"),
    ]
    assert [one for one in COMMANDS if one in known] == known


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_a_help_page_fits_on_a_screen(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("COLUMNS", str(WIDEST))
    assert main([*command.split(), "--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert (len(lines) <= LONGEST, [line for line in lines if len(line.rstrip()) > WIDEST]) == (True, [])


@pytest.mark.parametrize("command", ["verify", "retire"])
def test_no_word_of_a_help_page_is_cut_in_two(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """A long default is wrapped between its words."""
    monkeypatch.setenv("COLUMNS", str(WIDEST))
    assert f"RUN_DIR/{command}-<UTC time>" in shown(capsys, command)


@pytest.mark.parametrize("columns", ["0", "1", "20", "39"])
@pytest.mark.parametrize("command", ["", "run"])
def test_a_terminal_without_a_size_or_with_a_tiny_one_gets_every_word_of_help(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str, columns: str
) -> None:
    words = [command] if command else []
    monkeypatch.setenv("COLUMNS", "80")
    whole = shown(capsys, *words)
    monkeypatch.setenv("COLUMNS", columns)
    assert shown(capsys, *words) == whole


@pytest.mark.parametrize("command", COMMANDS)
def test_help_all_shows_every_option_and_the_short_page_says_where_some_are_missing(
    capsys: pytest.CaptureFixture[str], command: str
) -> None:
    short, full = shown(capsys, command), shown(capsys, command, flag=ALL)
    words = set(full.replace("[no-]", "").replace(",", "").split())
    assert options_of(command) - words == set()
    assert (f"more: {ALL}" in short) is bool(options_of(command) & RARE)
    assert f"more: {ALL}" not in full


def test_every_option_that_the_short_page_leaves_out_is_one() -> None:
    assert set().union(*map(options_of, COMMANDS)) >= RARE


@pytest.mark.parametrize("group", ["Manifest", "Limits", "Login", "Output"])
def test_the_options_of_a_run_stand_in_groups(capsys: pytest.CaptureFixture[str], group: str) -> None:
    assert f" {group} (" in shown(capsys, "run")


def test_resume_names_no_default_that_it_does_not_take(capsys: pytest.CaptureFixture[str]) -> None:
    resume, run = shown(capsys, "resume", flag=ALL), shown(capsys, "run", flag=ALL)
    assert (
        "[default: the job's]" in resume,
        "[default: 10/s]" in resume,
        "[default: auto] One of auto, t" in resume,
    ) == (True,) + (False,) * 2
    assert ("[default: 10/s]" in run, "[default: 10m]" in run, "the job's" in run) == (True, True, False)


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
    assert ("3 stopped early, resumable" in page) is codes
    assert ("Every option is also a variable" in page) is elsewhere


def test_auth_has_no_option_that_means_nothing_there(capsys: pytest.CaptureFixture[str]) -> None:
    page = shown(capsys, "auth", flag=ALL)
    assert [option for option in ("--strict", "--rate", "--wave-by", "--before") if option in page] == []
    assert "--project-id" in page


@pytest.mark.parametrize("command", ["plan", "verify", "retire"])
def test_a_command_that_only_reads_has_no_limit_that_is_for_writing(command: str) -> None:
    limits = {f"--{name.replace('_', '-')}" for name in PaceOptions.__dataclass_fields__}  # type: ignore[attr-defined]
    of_runs = {"--max-attempts", "--max-failures", "--soak", "--before", "--wave-by", "--between"}
    assert (limits <= options_of(command), options_of(command) & of_runs) == (True, set())
    assert main([command, "x", "--soak=5m"]) == 2


def test_check_takes_every_limit_of_a_run_and_lists_those_that_it_uses(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    manifest = tmp_path / "m.csv"
    manifest.write_text(f"secret_name,kms_key_id\na,{'a' * 32}\n")
    place = [f"--project-id={'b' * 32}", "--region=cn-north-4"]
    assert main(["check", str(manifest), *place, "--max-failures=2", "--grace=5"]) == 0
    page = shown(capsys, "check", flag=ALL)
    assert ("--rate" in page, "--max-failures" in page, "--grace" in page) == (True, False, False)


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["run", "m.csv", "--frobnicate"], "run csms-rekey run --help-all for its options"),
        (["resume", "d", "--raet=1/s"], "run csms-rekey resume --help-all for its options"),
        (["run", "m.csv", "--burst=x"], "run csms-rekey run --help-all for its options"),
        (["status"], "run csms-rekey status --help-all for its options"),
        (["frobnicate"], "run csms-rekey --help for the commands"),
    ],
)
def test_a_usage_error_points_at_the_help_of_what_was_typed(
    capsys: pytest.CaptureFixture[str], arguments: list[str], hint: str
) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err.splitlines()[-1] == f"csms-rekey: {hint}"


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("run mani", "manifest-1.csv"),
        ("check mani", "manifest-1.csv"),
        ("res", "resume"),
        ("run x --max-du", "--max-duration"),
    ],
)
def test_bash_completes_commands_options_and_files(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, typed: str, completed: str
) -> None:
    """As bash does it: the function first, and file names where it has none to offer."""
    assert main(["completion", "bash"]) == 0
    (tmp_path / "manifest-1.csv").touch()
    (tmp_path / "script").write_text(capsys.readouterr().out)
    program = f"""
        source ./script
        options=$(complete -p csms-rekey)
        COMP_WORDS=(csms-rekey {typed}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); COMP_LINE="${{COMP_WORDS[*]}}"
        function=${{options##*-F }}; function=${{function%% *}}
        COMPREPLY=(); $function
        if [[ ${{#COMPREPLY[@]}} = 0 && $options = *"-o default"* ]]; then compgen -f -- "${{COMP_WORDS[COMP_CWORD]}}"
        else printf '%s\\n' "${{COMPREPLY[@]}}"; fi
    """
    ran = subprocess.run(["bash", "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)  # noqa: S607 - a shell on purpose
    assert completed in ran.stdout.split()


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_completion_exists_for_other_shells(capsys: pytest.CaptureFixture[str], shell: str) -> None:
    assert main(["completion", shell]) == 0
    assert "resume" in capsys.readouterr().out


def test_the_manual_page_names_every_command_and_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["man"]) == 0
    page = capsys.readouterr().out
    assert page.startswith(".TH CSMS-REKEY 1 ")
    text = page.replace("\\-", "-").replace("[no-]", "")
    missing = [(command, one) for command in COMMANDS for one in options_of(command) if one not in text]
    assert (missing, [command for command in COMMANDS if f".SS {command}\n" not in page]) == ([], [])


def test_short_help_comes_back_after_the_long_one(capsys: pytest.CaptureFixture[str]) -> None:
    full = shown(capsys, "run", flag=ALL)
    assert len(shown(capsys, "run")) < len(full)
