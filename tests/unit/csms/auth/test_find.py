"""Which login is taken, from what is given in environment and files, and what is said of a bad one."""

import asyncio
import os
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path

import pytest

from batch.csms.auth import (
    CredentialError,
    Login,
    LoginRefusedError,
    Masked,
    NotAuthorizedError,
    TokenCredential,
    find_login,
)
from batch.csms.auth.iam import utc_of
from batch.csms.auth.password import PasswordLogin
from batch.csms.faults import Fault
from batch.csms.messages import Wire, WireAnswer, WireRequest, nothing
from jobs.spec import Auth
from tests.virtual import run_virtual

TOKEN = {"CSMS_REKEY_TOKEN": "canary-token"}
KEYS = {"HUAWEICLOUD_SDK_AK": "canary-ak", "HUAWEICLOUD_SDK_SK": "canary-sk"}
PASSWORD = {
    "OS_USERNAME": "rekey",
    "OS_PASSWORD": "canary-password",
    "OS_USER_DOMAIN_NAME": "acme",
    "OS_AUTH_URL": "https://iam.cn-north-4.myhuaweicloud.com/v3/",
}
NO_METADATA = {"CSMS_REKEY_METADATA_URL": "http://127.0.0.1:1"}
ENDPOINT = "https://kms.cn-north-4.myhuaweicloud.com"
REQUEST = WireRequest(method="GET", target="/v1/p/secrets", headers={})


def nowhere(endpoint: str) -> AbstractAsyncContextManager[Wire]:
    raise AssertionError(endpoint)


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path), **NO_METADATA}


def find(environment: Mapping[str, str], auth: Auth = Auth.AUTO, token_file: Path | None = None) -> Login:
    return find_login(auth, token_file, connect=nowhere, environment=environment)


def profile(home: Mapping[str, str], text: str, *, mode: int = 0o600) -> Path:
    path = Path(home["HOME"]) / ".huaweicloud" / "credentials"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def headers(login: Login) -> Mapping[str, str]:
    return asyncio.run(login.for_scope(ENDPOINT, "p").authorize(REQUEST)).headers


BASIC = "[basic]\nak = file-ak\nsk = file-sk%1\nproject_id = p1\n"


def test_the_order_is_token_keys_file_password(home: dict[str, str]) -> None:
    profile(home, BASIC)
    everything = home | TOKEN | KEYS | PASSWORD
    assert headers(find(everything))["X-Auth-Token"] == "canary-token"
    assert "Access=canary-ak," in headers(find(home | KEYS | PASSWORD))["Authorization"]
    assert "Access=file-ak," in headers(find(home | PASSWORD))["Authorization"]
    profile(home, "[global]\nak = a\nsk = b\n")
    assert isinstance(find(home | PASSWORD), PasswordLogin)


@pytest.mark.parametrize(
    ("auth", "provider"),
    [(Auth.TOKEN, "IAM token"), (Auth.AKSK, "access keys"), (Auth.IAM, "IAM password"), (Auth.ECS, "ECS agency")],
)
def test_auth_picks_one_whatever_else_is_given(home: dict[str, str], auth: Auth, provider: str) -> None:
    assert find(home | TOKEN | KEYS | PASSWORD, auth).describe().provider == provider


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (TOKEN, "IAM token"),
        (PASSWORD, "IAM password, user rekey of acme"),
        ({**KEYS, "HUAWEICLOUD_SDK_AK": "HPUACB2CA8E2DFBA4597"}, "access keys, ends in 4597"),
        # Four of nine characters would give too much away.
        (KEYS, "access keys"),
        (
            {**KEYS, "HUAWEICLOUD_SDK_AK": "HSTA" * 5, "HUAWEICLOUD_SDK_SECURITY_TOKEN": "canary-temporary"},
            "temporary access keys, ends in HSTA",
        ),
        ({"CSMS_REKEY_METADATA_URL": "http://127.0.0.1:9"}, "ECS agency"),
    ],
)
def test_a_login_has_a_public_line_with_nothing_secret(home: dict[str, str], given: dict[str, str], line: str) -> None:
    auth = Auth.ECS if "CSMS_REKEY_METADATA_URL" in given else Auth.AUTO
    login = find(home | given, auth)
    assert login.describe().line == line
    assert not any(secret.reveal() in line for secret in login.secrets())


@pytest.mark.parametrize("auth", [Auth.AUTO, Auth.TOKEN, Auth.AKSK, Auth.IAM])
def test_where_nothing_is_given_it_says_what_to_give(home: dict[str, str], auth: Auth) -> None:
    with pytest.raises(CredentialError, match="no credential: set "):
        find(home, auth)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"HUAWEICLOUD_SDK_AK": "a"}, "HUAWEICLOUD_SDK_AK is set, but HUAWEICLOUD_SDK_SK is not"),
        ({"HUAWEICLOUD_SDK_SK": "canary"}, "HUAWEICLOUD_SDK_SK is set, but HUAWEICLOUD_SDK_AK is not"),
        ({**KEYS, "HUAWEICLOUD_SDK_SECURITY_TOKEN": "canary\nx"}, "the security token is more than one line"),
        (
            {**KEYS, "HUAWEICLOUD_SDK_SK": "canary\u00e9"},
            "the secret key holds a character that is not printable ASCII",
        ),
        ({"CSMS_REKEY_TOKEN": "canary x"}, "CSMS_REKEY_TOKEN: holds no token"),
        ({"CSMS_REKEY_TOKEN": ""}, "no credential: set CSMS_REKEY_TOKEN, or"),
        ({"OS_USERNAME": "a"}, "set OS_PASSWORD, OS_USER_DOMAIN_NAME, OS_AUTH_URL too"),
        ({**PASSWORD, "OS_PASSWORD": "p\udce4canary"}, "OS_PASSWORD: holds bytes that are not text"),
        ({"HUAWEICLOUD_SDK_SECURITY_TOKEN": "canary"}, "SECURITY_TOKEN is set, but HUAWEICLOUD_SDK_AK is not"),
        ({**PASSWORD, "OS_AUTH_URL": "http://iam.example/v3"}, "OS_AUTH_URL: plain http"),
        ({"CSMS_REKEY_METADATA_URL": "http://10.0.0.1"}, "only a loopback address"),
        ({"HUAWEICLOUD_SDK_CREDENTIALS_FILE": "/nowhere/c"}, "/nowhere/c: No such file or directory"),
    ],
)
def test_what_is_given_in_part_or_badly_is_an_error_that_does_not_show_it(
    home: dict[str, str], given: dict[str, str], reason: str
) -> None:
    with pytest.raises(CredentialError) as caught:
        find(home | given)
    assert reason in str(caught.value)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "mode", "reason"),
    [
        (BASIC, 0o640, "others may read it; run chmod 600"),
        ("ak = canary\n", 0o600, "not an INI file"),
        ("[basic]\nak = a\n", 0o600, "needs ak and sk"),
    ],
)
def test_a_credentials_file_that_cannot_be_used_is_an_error(
    home: dict[str, str], text: str, mode: int, reason: str
) -> None:
    path = profile(home, text, mode=mode)
    with pytest.raises(CredentialError) as caught:
        find(home)
    assert str(path) in str(caught.value)
    assert reason in str(caught.value)
    assert "canary" not in str(caught.value)


def test_a_file_that_is_named_needs_the_section(home: dict[str, str]) -> None:
    path = profile(home, "[global]\nak = a\nsk = b\n")
    with pytest.raises(CredentialError, match=r"has no section \[basic\]"):
        find(home | {"HUAWEICLOUD_SDK_CREDENTIALS_FILE": str(path)})


def test_the_project_and_the_kind_of_the_keys_are_told(home: dict[str, str]) -> None:
    profile(home, BASIC + "security_token = t\n")
    shown = find(home).describe()
    assert (shown.provider, shown.project_id) == ("temporary access keys", "p1")
    assert asyncio.run(find(home).project_id("cn-north-4")) == "p1"
    assert headers(find(home))["X-Security-Token"] == "t"
    assert find(home | KEYS | {"HUAWEICLOUD_SDK_PROJECT_ID": "p2"}).describe().project_id == "p2"


def test_a_home_that_cannot_be_looked_into_has_no_credentials_file(home: dict[str, str]) -> None:
    not_a_folder = Path(home["HOME"]) / "file"
    not_a_folder.touch()
    looked_for = {"HOME": str(not_a_folder / "below"), **NO_METADATA}
    assert find(looked_for | PASSWORD).describe().provider == "IAM password"
    too_long = {"HOME": "/" + "x" * 5_000, **NO_METADATA}
    assert find(too_long | PASSWORD).describe().provider == "IAM password"


@pytest.mark.parametrize(
    ("text", "utc_s"),
    [
        ("2026-11-24T12:00:00.000000Z", 1_795_521_600.0),
        ("2026-11-24T12:00:00", 1_795_521_600.0),
        ("2026-11-24T20:00:00+08:00", 1_795_521_600.0),
        ("soon", None),
    ],
)
def test_the_end_of_a_token_is_read_in_whatever_zone_it_is_told(text: str, utc_s: float | None) -> None:
    assert utc_of(text) == utc_s


class Iam:
    """Answers one after the other, the last one for ever."""

    def __init__(self, *answers: WireAnswer | Fault) -> None:
        self._answers = list(answers)
        self.asked = 0

    async def send(self, _request: WireRequest, _leaving: Callable[[], None] = nothing) -> WireAnswer | Fault:
        self.asked += 1
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


PROJECTS = WireAnswer(status=200, body=b'{"projects":[{"id":"p7"}]}')
DOWN = WireAnswer(status=503, body=b"")
WRONG_SIGNATURE = WireAnswer(status=401, body=b'{"error_code":"APIGW.0301","error_msg":"verify aksk signature fail"}')


@pytest.mark.parametrize(
    ("answers", "asked", "error"),
    [
        ([PROJECTS], 1, None),
        ([DOWN, DOWN, PROJECTS], 3, None),
        ([DOWN], 4, CredentialError),
        ([WRONG_SIGNATURE], 1, LoginRefusedError),
    ],
)
def test_a_project_is_looked_up_again_where_the_reason_may_pass_and_never_with_what_was_refused(
    answers: list[WireAnswer | Fault], asked: int, error: type[Exception] | None
) -> None:
    iam = Iam(*answers)
    login = find_login(Auth.AKSK, None, connect=lambda _: nullcontext(iam), environment=KEYS | NO_METADATA)
    with pytest.raises(error) if error else nullcontext():
        assert run_virtual(login.project_id("cn-north-4")) == "p7"
    assert iam.asked == asked


def test_after_a_refusal_the_credentials_file_is_read_again(home: dict[str, str]) -> None:
    profile(home, BASIC)
    credential = find(home).for_scope(ENDPOINT, "p")

    async def scenario() -> None:
        assert await credential.renew(credential.generation) is False
        with pytest.raises(NotAuthorizedError):
            await credential.authorize(REQUEST)

    asyncio.run(scenario())
    login = find(home)
    other = login.for_scope(ENDPOINT, "p")
    profile(home, BASIC.replace("file-ak", "new-ak"))

    async def rotated() -> None:
        assert await other.renew(other.generation) is True
        assert "Access=new-ak," in (await other.authorize(REQUEST)).headers["Authorization"]

    asyncio.run(rotated())
    assert {secret.reveal() for secret in login.secrets()} == {"file-ak", "new-ak", "file-sk%1"}


def test_after_a_refusal_the_token_file_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("one\n", encoding="ascii")
    path.chmod(0o600)
    login = find({}, Auth.TOKEN, path)
    credential = login.for_scope(ENDPOINT, "p")

    async def scenario() -> None:
        assert await credential.renew(1) is False
        path.write_text("two\n", encoding="ascii")
        assert await credential.renew(1) is False, "one look for each generation"

    asyncio.run(scenario())
    again = find({}, Auth.TOKEN, path).for_scope(ENDPOINT, "p")

    async def renewed() -> None:
        path.write_text("three\n", encoding="ascii")
        assert await again.renew(1) is True
        assert (await again.authorize(REQUEST)).headers["X-Auth-Token"] == "three"

    asyncio.run(renewed())


def test_a_token_from_a_pipe_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path, 0o644)
    writing = threading.Thread(target=path.write_text, args=("canary-token\n",))
    writing.start()
    login = find({}, Auth.TOKEN, path)
    writing.join()
    assert headers(login)["X-Auth-Token"] == "canary-token"
    assert asyncio.run(login.for_scope(ENDPOINT, "p").renew(1)) is False


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_token_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "token"
    path.write_text("canary", encoding="ascii")
    path.chmod(mode)
    with pytest.raises(CredentialError, match="others may read it"):
        find({}, Auth.TOKEN, path)


def test_a_given_token_is_the_same_for_every_place_and_has_no_successor() -> None:
    token = TokenCredential(Masked("t"))
    assert token.for_scope(ENDPOINT, "p") is token.for_scope("https://other.example", "q")
    assert asyncio.run(token.renew(token.generation)) is False


def test_a_wrong_signature_in_one_place_stops_the_keys_everywhere(home: dict[str, str]) -> None:
    login = find(home | KEYS)
    one, other = login.for_scope(ENDPOINT, "p"), login.for_scope("https://other.example", "q")
    body = b'{"error_code":"APIGW.0301","error_msg":"verify aksk signature fail","request_id":"1"}'

    async def scenario() -> None:
        await one.authorize(REQUEST)
        one.observe(WireAnswer(status=401, body=body), one.generation)
        with pytest.raises(NotAuthorizedError):
            await other.authorize(REQUEST)
        assert await other.renew(other.generation) is False

    asyncio.run(scenario())


PROFILES = "[basic]\nak = file-ak\nsk = s\n[prod]\nak = prod-ak\nsk = s\nsecurity_token = t\n"


def test_a_profile_that_is_named_is_the_one_that_logs_in_whatever_else_is_given(home: dict[str, str]) -> None:
    path = profile(home, PROFILES)
    login = find_login(Auth.AUTO, None, connect=nowhere, environment=home | TOKEN | KEYS, profile="prod")
    assert "Access=prod-ak," in headers(login)["Authorization"]
    assert (login.describe().source, login.describe().provider) == (f"{path} [prod]", "temporary access keys")
    iam = find_login(Auth.IAM, None, connect=nowhere, environment=home | PASSWORD, profile="prod")
    assert iam.describe().provider == "IAM password"


def test_a_profile_that_there_is_not_is_an_error_and_never_another_login(home: dict[str, str]) -> None:
    with pytest.raises(CredentialError, match=r"profile prod: there is no ~/.huaweicloud/credentials"):
        find_login(Auth.AUTO, None, connect=nowhere, environment=home | KEYS, profile="prod")
    profile(home, PROFILES)
    with pytest.raises(CredentialError, match=r"has no section \[team\]"):
        find_login(Auth.AUTO, None, connect=nowhere, environment=home | KEYS, profile="team")


KOOCLI = """{"language": "en", "current": "default", "profiles": [
  {"name": "default", "mode": "AKSK", "accessKeyId": "CANARYAK", "secretAccessKey": "canary-sk", "region": "cn-north-4",
   "projectId": "p4", "securityToken": ""},
  {"name": "sso", "mode": "SSO"},
  {"name": "chained", "sourceProfile": "default", "agencyName": "a"},
  {"name": "sealed", "mode": "AKSK", "accessKeyId": "b2Rk+canary==", "secretAccessKey": "b2Rk+canary=="}]}"""


def koocli(home: dict[str, str], text: str = KOOCLI) -> dict[str, str]:
    path = Path(home["HOME"]) / "config.json"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return home | {"HW_SHARED_CONFIG_FILE": str(path)}


def test_a_profile_of_the_vendors_command_line_logs_in_where_its_file_is_named(home: dict[str, str]) -> None:
    assert "Access=CANARYAK," in headers(find(koocli(home)))["Authorization"]
    shown = find_login(Auth.AUTO, None, connect=nowhere, environment=koocli(home), profile="default").describe()
    assert shown.project_id == "p4"
    assert shown.source.endswith("config.json [default]")
    assert find(koocli(home) | PASSWORD | {"HW_SHARED_CONFIG_FILE": ""}).describe().provider == "IAM password"


@pytest.mark.parametrize(
    ("text", "name", "reason"),
    [
        (KOOCLI, "sealed", "is encrypted; write it plain with `hcloud configure set --cli-auth-encrypt=false`"),
        (KOOCLI, "sso", "profile sso has no access key (mode SSO)"),
        (KOOCLI, "chained", "uses the keys of another, which is not followed"),
        (KOOCLI, "nobody", "has no profile nobody"),
        ('{"profiles": []}', None, "has no profile that is current"),
        ("canary", None, "not a configuration of KooCLI"),
        ("\ufeff" + KOOCLI, None, "begins with a byte order mark"),
    ],
)
def test_a_profile_of_the_command_line_that_cannot_be_used_is_an_error_that_does_not_show_it(
    home: dict[str, str], text: str, name: str | None, reason: str
) -> None:
    with pytest.raises(CredentialError) as caught:
        find_login(Auth.AUTO, None, connect=nowhere, environment=koocli(home, text), profile=name)
    assert reason in str(caught.value)
    assert "canary" not in str(caught.value)


def test_two_files_with_profiles_are_one_too_many(home: dict[str, str]) -> None:
    path = profile(home, PROFILES)
    with pytest.raises(CredentialError, match="CREDENTIALS_FILE and HW_SHARED_CONFIG_FILE are both set"):
        find(koocli(home) | {"HUAWEICLOUD_SDK_CREDENTIALS_FILE": str(path)})
