"""Options from the environment: which variables there are, what an empty one means, and how a misspelt one ends."""

import ast
import re
from pathlib import Path

import pytest

from batch.cli.app import commands, main
from batch.cli.environment import NO_OPTIONS, PREFIX, variable_of
from batch.cli.options import OPTIONS
from batch.csms.auth import CredentialError, find_login
from batch.csms.network import parse_proxy
from jobs.spec import Auth

ROOT = Path(__file__).parents[3]
SEALED = {"sandbox", "demo", "rollback", "merge", "set", "completion", "man", "fleet status", "fleet stop"}
COMMANDS = list(commands())


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [f"{PREFIX}{option}".upper() for option in (*OPTIONS, *NO_OPTIONS)]:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("variable", "refused"),
    [
        ("CSMS_REKEY_RATES", "; did you mean CSMS_REKEY_RATE?"),
        ("CSMS_REKEY_MAX_ATEMPTS", "; did you mean CSMS_REKEY_MAX_ATTEMPTS?"),
        ("CSMS_REKEY_TOKN", "; did you mean CSMS_REKEY_TOKEN?"),
        ("CSMS_REKEY_PROJECTID", "; did you mean CSMS_REKEY_PROJECT_ID?"),
        ("CSMS_REKEY_XYZZY", ""),
        ("CSMS_REKEY_rate", ""),
        ("CSMS_REKEY_", ""),
    ],
)
def test_a_misspelt_variable_is_refused_with_the_nearest_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variable: str, refused: str
) -> None:
    monkeypatch.setenv(variable, "1/s")
    assert main(["status", "nowhere"]) == 2
    assert capsys.readouterr().err == f"csms-rekey: {variable} is not an option{refused}\n"


@pytest.mark.parametrize("command", [["config"], ["check", "m.csv"], ["run", "m.csv"]])
def test_a_value_that_cannot_be_used_is_refused_with_the_place_that_gave_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, command: list[str]
) -> None:
    """The command line needs no name, and comes first, also here."""
    job = tmp_path / "job.toml"
    job.write_text('rate = 10\nmax_duration = "2hours"\n')
    refused = {"--rate=1": "--rate: '1'", f"--job={job}": f"{job}: --rate: '10'"}
    for argument, reason in refused.items():
        assert main([*command, argument]) == 2
        assert capsys.readouterr().err.startswith(f"csms-rekey: {reason} is not a rate")
    monkeypatch.setenv("CSMS_REKEY_RATE", "10/sec")
    assert main([*command, f"--job={job}"]) == 2
    assert capsys.readouterr().err.startswith("csms-rekey: CSMS_REKEY_RATE: --rate: '10/sec' is not a rate")
    assert main([*command, f"--job={job}", "--rate", "1/s"]) == 2
    assert capsys.readouterr().err.startswith(f"csms-rekey: {job}: --max-duration: '2hours' is not a time")


def test_a_variable_gives_an_option_that_may_be_repeated_several_values(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CSMS_REKEY_ONLY", " db-*  x ")
    monkeypatch.setenv("CSMS_REKEY_KEY_PATTERN", "a b")
    assert main(["config"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert 'only = ["db-*", "x"]  # CSMS_REKEY_ONLY' in lines
    assert 'key-pattern = "a b"  # CSMS_REKEY_KEY_PATTERN' in lines


@pytest.mark.parametrize(
    "variable",
    [
        "CSMS_REKEY_SERVICE_HOST",
        "CSMS_REKEY_SERVICE_PORT_METRICS",
        "CSMS_REKEY_PORT",
        "CSMS_REKEY_PORT_9090_TCP_ADDR",
        "CSMS_REKEY_WAVE",
        "CSMS_REKEY_FAILED",
        "CSMS_REKEY_JOB",
        "CSMS_REKEYS",
    ],
)
def test_what_kubernetes_sets_and_options_of_other_commands_are_no_mistake(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variable: str
) -> None:
    monkeypatch.setenv(variable, "tcp://10.0.0.1:80")
    assert main(["status", "nowhere"]) == 2
    assert "no such run directory" in capsys.readouterr().err


@pytest.mark.parametrize("command", [command for command in COMMANDS if command not in {*SEALED, "fleet"}])
def test_every_command_that_takes_variables_refuses_a_misspelt_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    monkeypatch.setenv("CSMS_REKEY_RATES", "1/s")
    assert main([*command.split(), *(() if command in {"auth", "config"} else ("nowhere",))]) == 2
    assert "CSMS_REKEY_RATES is not an option" in capsys.readouterr().err


def test_a_command_of_a_fleet_refuses_a_misspelt_variable_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CSMS_REKEY_RATES", "1/s")
    assert main(["fleet", "shard", "0", "--dir=nowhere"]) == 2
    assert "CSMS_REKEY_RATES is not an option" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["sandbox", "--secrets=-1"], ["demo", "--seed=x"]])
def test_a_rehearsal_reads_no_variable_and_refuses_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    for name in ("CSMS_REKEY_RATES", "CSMS_REKEY_AUTH", "CSMS_REKEY_RUN_DIR"):
        monkeypatch.setenv(name, "nonsense")
    assert main(arguments) == 2
    assert "CSMS_REKEY" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["-V"], *([*command.split(), "--help"] for command in COMMANDS)]
)
def test_help_and_version_are_shown_whatever_the_environment_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    monkeypatch.setenv("CSMS_REKEY_RATES", "1/s")
    monkeypatch.setenv("CSMS_REKEY_TIMEOUT", "soon")
    assert main(arguments) == 0
    assert capsys.readouterr().out


def test_every_option_of_a_command_that_takes_variables_is_known() -> None:
    taken = {
        argument.name.removeprefix("--").replace("-", "_")
        for command in COMMANDS
        if command not in SEALED
        for argument in commands()[command].assemble_argument_collection()
        if argument.name.startswith("--") and argument.show
    }
    assert taken == OPTIONS


def test_every_variable_that_the_code_or_an_example_reads_is_known() -> None:
    sources = [path for name in ("batch", "jobs", "reports") for path in (ROOT / name).rglob("*.py")]
    nodes = [node for path in sources for node in ast.walk(ast.parse(path.read_text()))]
    texts = [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    texts += [path.read_text() for path in (ROOT / "docs" / "examples").rglob("*") if path.is_file()]
    named = {name for text in texts for name in re.findall(r"CSMS_REKEY_([A-Z_]*[A-Z])", text)}
    assert named <= {*NO_OPTIONS, *(option.upper() for option in OPTIONS)}
    assert set(NO_OPTIONS) - named == {"MANIFEST"}


@pytest.mark.parametrize("option", sorted(OPTIONS))
def test_an_empty_variable_counts_as_unset(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    assert main(["config"]) == 0
    unset = capsys.readouterr().out
    monkeypatch.setenv(variable_of(option), "")
    assert main(["config"]) == 0
    assert capsys.readouterr().out == unset


def test_an_empty_variable_leaves_the_word_to_a_job_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    job = tmp_path / "job.toml"
    job.write_text('rate = "3/s"\n')
    monkeypatch.setenv("CSMS_REKEY_RATE", "")
    monkeypatch.setenv("CSMS_REKEY_RATES", "")
    assert main(["config", f"--job={job}"]) == 0
    assert f'rate = "3/s"  # {job}\n' in capsys.readouterr().out


CREDENTIALS = re.compile(r"(?:HUAWEICLOUD_SDK|OS|CSMS_REKEY)_[A-Z_]+")


def test_empty_credential_variables_count_as_unset() -> None:
    sources = [*(ROOT / "batch" / "csms").rglob("*.py")]
    names = {name for path in sources for name in CREDENTIALS.findall(path.read_text())}
    assert {"CSMS_REKEY_TOKEN", "HUAWEICLOUD_SDK_AK", "OS_USERNAME", "OS_PROJECT_ID"} <= names
    empty = dict.fromkeys(names, "") | {"CSMS_REKEY_METADATA_URL": "http://127.0.0.1:9", "HOME": "/nonexistent"}
    with pytest.raises(CredentialError, match="no credential"):
        find_login(Auth.AUTO, None, connect=lambda _: pytest.fail("nothing to ask"), environment=empty)
    assert parse_proxy("http://127.0.0.1:9", empty).login is None
