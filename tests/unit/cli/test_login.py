"""How a command logs in, and that nothing it shows afterwards holds a secret of the login or of the way to it."""

import ast
from pathlib import Path

import pytest

from batch.cli import login
from batch.cli.options import AuthOptions
from batch.redaction.redactor import MASK, Redactor
from jobs.spec import JobSpec

ROOT = Path(__file__).parents[3]


def test_secrets_of_the_login_and_of_the_proxy_are_shown_nowhere_once_a_command_has_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    redactor = Redactor()
    monkeypatch.setattr(login, "PROCESS_REDACTOR", redactor)
    monkeypatch.setenv("CSMS_REKEY_TOKEN", "token-of-some-length")
    monkeypatch.setenv("CSMS_REKEY_PROXY_USER", "somebody")
    monkeypatch.setenv("CSMS_REKEY_PROXY_PASSWORD", "password-of-some-length")
    login.open_access(AuthOptions(proxy="http://127.0.0.1:9"), JobSpec())
    assert redactor.clean("token-of-some-length password-of-some-length") == f"{MASK} {MASK}"


@pytest.mark.parametrize("name", ["HW_SECRET_KEY", "OS_PASSWORD", "HUAWEICLOUD_OIDC_ID_TOKEN", "OS_PASSCODE"])
def test_a_secret_of_the_environment_is_shown_nowhere_although_another_login_is_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    redactor, token = Redactor(), tmp_path / "token"
    monkeypatch.setattr(login, "PROCESS_REDACTOR", redactor)
    monkeypatch.setenv(name, "canary-of-some-length")
    token.write_text("token-of-some-length")
    token.chmod(0o600)
    login.open_access(AuthOptions(token_file=token), JobSpec())
    assert redactor.clean("canary-of-some-length token-of-some-length") == f"{MASK} {MASK}"


def test_an_access_is_made_in_the_one_place_that_registers_its_secrets() -> None:
    made = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "batch").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "Access"
    ]
    assert made == ["batch/cli/login.py"]
