"""A question to IAM that takes a while says what it waits for; a quick one says nothing."""

import asyncio

import pytest

from batch.cli.asked import asked
from batch.cli.login import open_access
from batch.cli.options import AuthOptions
from batch.csms.access import Access
from jobs.spec import JobSpec


@pytest.fixture
def access(monkeypatch: pytest.MonkeyPatch) -> Access:
    monkeypatch.setenv("CSMS_REKEY_TOKEN", "token-of-some-length")
    return open_access(AuthOptions(), JobSpec())


@pytest.mark.parametrize(
    ("after_s", "line"),
    [
        (0.0, "csms-rekey: login not answering; tried for half a minute; source: CSMS_REKEY_TOKEN\n"),
        (60.0, ""),
    ],
)
def test_what_is_waited_for_is_said_after_a_moment(
    access: Access, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], after_s: float, line: str
) -> None:
    async def slow() -> str:
        await asyncio.sleep(0.01)
        return "answer"

    monkeypatch.setattr("batch.cli.asked._SAY_AFTER_S", after_s)
    assert asked(slow, access) == "answer"
    assert capsys.readouterr().err == line
