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


def test_an_access_is_made_in_the_one_place_that_registers_its_secrets() -> None:
    made = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "batch").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "Access"
    ]
    assert made == ["batch/cli/login.py"]
