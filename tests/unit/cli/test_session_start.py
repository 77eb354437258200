"""What is put on record of a session before its first request leaves."""

import os
import pwd
import socket

import msgspec
import pytest

from batch.cli import login
from batch.cli.options import AuthOptions
from batch.cli.session_start import session_start
from batch.process.version import version
from jobs.rate import Rate
from jobs.spec import Auth, JobSpec, Limits


def test_it_says_who_with_which_login_and_which_options_differ_from_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUAWEICLOUD_SDK_AK", "HPUACB2CA8E2DFBA4597")
    monkeypatch.setenv("HUAWEICLOUD_SDK_SK", "de605d411b9f2d514dc6c56888f027e2d61fb129")
    access = login.open_access(AuthOptions(auth=Auth.AKSK), JobSpec())
    job = JobSpec(auth=Auth.TOKEN)
    now = Limits(rate=Rate(30.0), concurrency=8)
    start = session_start("resume", job, now, access, also_failed=True)
    assert (start.command, start.release, start.also_failed, start.timeout_s) == ("resume", version(), True, 60.0)
    assert start.login == "access keys, ends in 4597"
    assert (start.os_user, start.host) == (pwd.getpwuid(os.getuid()).pw_name, socket.gethostname())
    assert start.changed == "--failed --auth aksk --rate 30/s --concurrency 8"
    same = session_start("run", msgspec.structs.replace(job, auth=Auth.AKSK), job.limits, access, also_failed=False)
    assert same.changed is None


@pytest.mark.parametrize("command", ["go", "fleet shard"])
def test_a_command_that_takes_failed_rows_up_by_itself_names_no_option_that_was_not_typed(
    monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("CSMS_REKEY_TOKEN", "token-of-some-length")
    job = JobSpec(auth=Auth.TOKEN)
    access = login.open_access(AuthOptions(), job)
    start = session_start(command, job, job.limits, access, also_failed=True)
    assert (start.also_failed, start.changed) == (True, None)


def test_a_user_without_a_name_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container. A host name that is not text is made printable."""
    monkeypatch.setenv("CSMS_REKEY_TOKEN", "token-of-some-length")
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000_017)
    monkeypatch.setattr(socket, "gethostname", lambda: "box\udcff")
    access = login.open_access(AuthOptions(auth=Auth.TOKEN), JobSpec())
    start = session_start("run", JobSpec(auth=Auth.TOKEN), Limits(), access, also_failed=False)
    assert (start.os_user, start.login) == ("uid 4000000017", "IAM token")
    assert (start.host or "").isprintable()
    assert (start.host or "").encode()
