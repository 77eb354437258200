"""Logins by identity: what is given whole, in part or badly, and that a token is read again and shown nowhere."""

import asyncio
import base64
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import msgspec
import pytest

from batch.csms.auth import CredentialError, Login, NotAuthorizedError, find_login
from batch.csms.auth.agency import agency_in
from batch.csms.auth.federated import Federation
from batch.csms.auth.given_keys import keys_in
from batch.csms.auth.oidc import OidcSession
from batch.csms.auth.pod_identity import PodIdentity
from batch.csms.faults import Fault, FaultKind
from batch.csms.messages import WireAnswer, WireRequest
from batch.redaction.redactor import Redactor
from jobs.spec import Agency, Auth
from tests.unit.csms.auth.test_find import BASIC, ENDPOINT, KEYS, PASSWORD, REQUEST, TOKEN, nowhere, profile

POD = {
    "HC_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials",
    "HC_CONTAINER_AUTHORIZATION_TOKEN_FILE": "TOKEN_FILE",
}
OIDC = {
    "HUAWEICLOUD_OIDC_PROVIDER_URN": "iam::1234:oidc-provider:ci",
    "HUAWEICLOUD_OIDC_AGENCY_URN": "iam::1234:agency:rekey",
    "HUAWEICLOUD_OIDC_TOKEN_FILE": "TOKEN_FILE",
}
IDP = {"HUAWEICLOUD_SDK_IDP_ID": "acme", "HUAWEICLOUD_SDK_ID_TOKEN_FILE": "TOKEN_FILE"}
CI = {
    "GITHUB_ACTIONS": "true",
    "ACTIONS_ID_TOKEN_REQUEST_URL": "https://ci.example/token?version=2",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "canary-request-token",
}
AGENCY = {"HW_ASSUME_ROLE_AGENCY_NAME": "ops", "HW_ASSUME_ROLE_DOMAIN_NAME": "customer"}
CANARY = "canary-jwt.payload-1.signature-1"


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    put(tmp_path / "token", CANARY)
    return {"HOME": str(tmp_path), "CSMS_REKEY_METADATA_URL": "http://127.0.0.1:1"}


def put(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)


def filled(given: Mapping[str, str], home: Mapping[str, str]) -> dict[str, str]:
    return {name: text.replace("TOKEN_FILE", f"{home['HOME']}/token") for name, text in given.items()}


def find(given: Mapping[str, str], home: Mapping[str, str], auth: Auth = Auth.AUTO, **more: Any) -> Login:
    options: dict[str, Any] = {"connect": nowhere, "region": "cn-north-4", **more}
    return find_login(auth, None, environment={**home, **filled(given, home)}, **options)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (POD, "pod identity"),
        (OIDC, "OpenID Connect, agency rekey of 1234"),
        (IDP, "federated identity, identity provider acme"),
        ({**OIDC, **IDP, **KEYS, **PASSWORD, **POD}, "OpenID Connect, agency rekey of 1234"),
        ({**IDP, **KEYS, **PASSWORD, **POD}, "federated identity, identity provider acme"),
        ({**KEYS, **PASSWORD, **POD}, "access keys"),
        ({**PASSWORD, **POD}, "IAM password, user rekey of acme"),
        ({**TOKEN, **OIDC}, "IAM token"),
        ({**KEYS, **AGENCY}, "agency ops of customer, by access keys"),
        ({**POD, **AGENCY}, "agency ops of customer, by pod identity"),
    ],
)
def test_the_identity_is_the_one_that_the_vendors_sdk_would_act_as(
    home: dict[str, str], given: dict[str, str], line: str
) -> None:
    assert find(given, home).describe().line == line


def test_what_a_ci_system_offers_every_job_is_no_login_by_itself(home: dict[str, str]) -> None:
    assert find({**KEYS, **CI}, home).describe().line == "access keys"


def jwt(payload: bytes) -> str:
    return f"eyJh.{base64.urlsafe_b64encode(payload).decode().rstrip('=')}.c2ln"


@pytest.mark.parametrize(
    ("token", "line"),
    [
        (
            jwt(b'{"sub":"system:serviceaccount:ops:csms-rekey","aud":["x"]}'),
            "pod identity, service account csms-rekey of ops",
        ),
        (jwt(b'{"sub":"system:serviceaccount:ops:canary\\n\\u001b[31m"}'), "pod identity"),
        (jwt(b'{"sub":"repo:acme/canary:ref:main"}'), "pod identity"),
        (jwt(b'{"sub":1}'), "pod identity"),
        (jwt(b"\xff"), "pod identity"),
        ("a.b", "pod identity"),
        ("a.%%%.c", "pod identity"),
        ("canary", "pod identity"),
    ],
)
def test_a_pod_is_known_by_its_service_account(home: dict[str, str], token: str, line: str) -> None:
    put(Path(home["HOME"]) / "token", token)
    assert find(POD, home).describe().line == line


def without(given: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: text for name, text in given.items() if not name.endswith(names)}


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (without(POD, "_URI"), "TOKEN_FILE is set, but HC_CONTAINER_CREDENTIALS_FULL_URI is not"),
        (without(POD, "_FILE"), "FULL_URI is set, but HC_CONTAINER_AUTHORIZATION_TOKEN_FILE is not"),
        (without(OIDC, "_FILE"), "set HUAWEICLOUD_OIDC_ID_TOKEN or HUAWEICLOUD_OIDC_TOKEN_FILE too"),
        (without(OIDC, "PROVIDER_URN", "AGENCY_URN"), "set HUAWEICLOUD_OIDC_PROVIDER_URN, HUAWEICLOUD_OIDC_AGENCY_URN"),
        (
            {**OIDC, "HUAWEICLOUD_OIDC_ID_TOKEN": "canary-other"},
            "OIDC_ID_TOKEN and HUAWEICLOUD_OIDC_TOKEN_FILE are both set: leave one out",
        ),
        (
            {**without(OIDC, "_FILE"), "HUAWEICLOUD_OIDC_ID_TOKEN": '"canary"'},
            "ID_TOKEN: holds no token: what is there stands in quot",
        ),
        ({**without(OIDC, "_FILE"), **CI, "ACTIONS_ID_TOKEN_REQUEST_URL": "http://ci.example"}, "URL: plain http"),
        ({**without(OIDC, "_FILE"), **CI, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": ""}, "REQUEST_TOKEN: holds no token"),
        ({**OIDC, "HUAWEICLOUD_OIDC_DURATION_SECONDS": "60"}, "'60' is not a number of seconds from 900 to 43200"),
        ({**OIDC, "HUAWEICLOUD_OIDC_DURATION_SECONDS": "1h"}, "'1h' is not a number of seconds"),
        ({**OIDC, "HUAWEICLOUD_OIDC_AGENCY_URN": "'iam::1:agency:x'"}, "AGENCY_URN: stands in quotation marks"),
        ({**OIDC, "HUAWEICLOUD_SDK_STS_ENDPOINT": "http://sts.example"}, "STS_ENDPOINT: plain http"),
        ({**OIDC, "HUAWEICLOUD_OIDC_TOKEN_FILE": "/nowhere/t"}, "/nowhere/t: No such file or directory"),
        (without(IDP, "_FILE"), "IDP_ID is set, but HUAWEICLOUD_SDK_ID_TOKEN_FILE is not"),
        (without(IDP, "IDP_ID"), "ID_TOKEN_FILE is set, but HUAWEICLOUD_SDK_IDP_ID is not"),
        ({**KEYS, **without(AGENCY, "DOMAIN_NAME")}, "AGENCY_NAME is set, but HW_ASSUME_ROLE_DOMAIN_NAME is not"),
        ({**KEYS, **without(AGENCY, "AGENCY_NAME")}, "DOMAIN_NAME is set, but HW_ASSUME_ROLE_AGENCY_NAME is not"),
    ],
)
def test_what_is_given_in_part_or_badly_is_named_and_no_other_identity_is_taken(
    home: dict[str, str], given: dict[str, str], reason: str
) -> None:
    with pytest.raises(CredentialError) as caught:
        find({**PASSWORD, **given} if "HC_" not in str(given) else given, home)
    assert reason in str(caught.value)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1:8080/v1/credentials",
        "http://localhost/v1/credentials",
        "http://[::1]/c",
        "http://169.254.0.1/c",
        "http://169.254.255.254:80/c?x=1",
        "http://[fe80::1]/c",
        "https://agent.example:8443/c",
    ],
)
def test_a_pods_token_goes_to_this_node_in_the_clear_and_elsewhere_under_tls(uri: str) -> None:
    pod = PodIdentity.from_environment(POD | {"HC_CONTAINER_CREDENTIALS_FULL_URI": uri})
    assert pod is not None
    assert pod.origin + pod.target == uri


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("http://10.0.0.1/c", "only a loopback or link-local address"),
        ("http://169.253.0.1/c", "only a loopback or link-local address"),
        ("http://[fd00:ec2::23]/c", "only a loopback or link-local address"),
        ("http://169.254.169.254.example/c", "only a loopback or link-local address"),
        ("http://agent.kube-system.svc/c", "only a loopback or link-local address"),
        ("http://canary@169.254.0.1/c", "write http://HOST:PORT/PATH"),
        ("ftp://169.254.0.1/c", "write http://HOST:PORT/PATH"),
        ("/v1/credentials", "write http://HOST:PORT/PATH"),
        ("http://[169.254.0.1/c", "not a URL"),
        ("http://169.254.0.1:x/c", "not a URL"),
    ],
)
def test_anywhere_else_it_is_not_sent(uri: str, reason: str) -> None:
    with pytest.raises(CredentialError, match=reason) as caught:
        PodIdentity.from_environment(POD | {"HC_CONTAINER_CREDENTIALS_FULL_URI": uri})
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("given", [OIDC, IDP, {**KEYS, **AGENCY}])
def test_where_sts_or_iam_is_has_to_be_said(home: dict[str, str], given: dict[str, str]) -> None:
    with pytest.raises(CredentialError, match=r"where is (STS|IAM)\? give --region, or set HUAWEICLOUD_SDK_"):
        find(given, home, region=None)


def test_what_is_asked_of_sts_is_what_the_variables_say() -> None:
    more = {
        "HUAWEICLOUD_OIDC_SESSION_NAME": "nightly",
        "HUAWEICLOUD_OIDC_DURATION_SECONDS": "43200",
        "HUAWEICLOUD_OIDC_POLICY": "{}",
        "HUAWEICLOUD_OIDC_POLICY_IDS": "a, b,,",
    }
    assert OidcSession.from_environment({}) is None
    assert OidcSession.from_environment(OIDC | more) == OidcSession(
        provider_urn="iam::1234:oidc-provider:ci",
        agency_urn="iam::1234:agency:rekey",
        agency_session_name="nightly",
        duration_seconds=43_200,
        policy="{}",
        policy_ids=("a", "b"),
    )


@pytest.mark.parametrize(
    ("urn", "name"),
    [
        ("iam::1234:agency:rekey", "agency rekey of 1234"),
        ("iam::1234:agency:ops:rekey", "agency ops:rekey of 1234"),
        ("rekey", "agency rekey"),
        ("iam::1234:user:rekey", "agency iam::1234:user:rekey"),
    ],
)
def test_an_agency_is_shown_as_people_know_it(urn: str, name: str) -> None:
    session = OidcSession.from_environment(OIDC | {"HUAWEICLOUD_OIDC_AGENCY_URN": urn})
    assert session is not None
    assert session.name == name


def test_descriptions_of_nothing_are_none() -> None:
    assert (PodIdentity.from_environment({}), Federation.from_environment({}), agency_in({})) == (None, None, None)
    assert Federation.from_profile({"ak": "a"}, "file") is None


def test_a_section_of_the_credentials_file_may_name_an_agency_and_the_command_line_another(
    home: dict[str, str],
) -> None:
    profile(home, BASIC + "agency = ops\nagency_domain = customer\n")
    assert find({}, home).describe().line == "agency ops of customer, by access keys"
    other = Agency(name="audit", domain="acme")
    assert find({}, home, agency=other).describe().line == "agency audit of acme, by access keys"
    assert find({}, home).describe().project_id is None, "the one in the file is of another account"
    profile(home, BASIC + "agency = ops\n")
    with pytest.raises(CredentialError, match="agency is set, but agency_domain is not"):
        find({}, home)


@pytest.mark.parametrize("auth", [Auth.AUTO, Auth.FEDERATED])
def test_a_section_of_the_credentials_file_may_name_an_identity_provider(home: dict[str, str], auth: Auth) -> None:
    profile(home, f"[basic]\nidp_id = acme\nid_token_file = {home['HOME']}/token\nproject_id = p1\n")
    shown = find({}, home, auth).describe()
    assert (shown.kind, shown.name, shown.project_id) == (Auth.FEDERATED, "identity provider acme", "p1")
    with pytest.raises(CredentialError, match="no credential"):
        find({}, home, Auth.AKSK)


def test_a_ci_system_is_asked_for_a_token_for_every_renewal(home: dict[str, str]) -> None:
    class Actions:
        def __init__(self) -> None:
            self.asked: list[WireRequest] = []

        async def send(self, request: WireRequest, _leaving: object = None) -> WireAnswer:
            self.asked.append(request)
            return WireAnswer(status=200, body=b'{"value":"canary-jwt-%d"}' % len(self.asked))

    actions, service = Actions(), Service()
    places = {"https://ci.example": actions, "https://sts.cn-north-4.myhuaweicloud.com": service}
    login = find({**without(OIDC, "_FILE"), **CI}, home, connect=lambda place: nullcontext(places[place]))
    credential = login.for_scope(ENDPOINT, "p")

    async def scenario() -> None:
        for count in range(1, 7):
            await credential.authorize(REQUEST)
            assert f'"canary-jwt-{count}"' in service.asked[-1].body.decode()
            assert {"canary-request-token", f"canary-jwt-{count}"} <= {one.reveal() for one in login.secrets()}
            credential.observe(WireAnswer(status=200, body=b""), credential.generation)
            assert await credential.renew(credential.generation) is True

    asyncio.run(scenario())
    assert {(one.target, one.headers["Authorization"]) for one in actions.asked} == {
        ("/token?version=2", "Bearer canary-request-token")
    }


@pytest.mark.parametrize("body", [b"", b"{}", b'{"value":""}', b'{"value":"a b"}', b"<html>"])
def test_a_ci_system_that_gives_no_token_is_a_fault_of_the_login(home: dict[str, str], body: bytes) -> None:
    class Actions:
        async def send(self, _request: WireRequest, _leaving: object = None) -> WireAnswer:
            return WireAnswer(status=200, body=body)

    login = find({**without(OIDC, "_FILE"), **CI}, home, connect=lambda _: nullcontext(Actions()))
    with pytest.raises(NotAuthorizedError, match="the CI system's answer holds no token"):
        asyncio.run(login.for_scope(ENDPOINT, "p").authorize(REQUEST))


class Service:
    """Gives out other keys each time, and keeps what it was asked."""

    def __init__(self, *, says: str | None = None) -> None:
        self.asked: list[WireRequest] = []
        self._says = says

    async def send(self, request: WireRequest, _leaving: object = None) -> WireAnswer | Fault:
        self.asked.append(request)
        if self._says is not None:
            body = msgspec.json.encode({"error_code": "STS.0401", "error_msg": self._says})
            return WireAnswer(status=401, body=body)
        count = len(self.asked)
        keys = {
            "access": f"AK{count}",
            "secret": f"SK{count}",
            "securitytoken": f"ST{count}",
            "expires_at": "2099-01-01",
        }
        return WireAnswer(status=201, body=msgspec.json.encode({"credential": keys}))


@pytest.mark.parametrize("given", [POD, OIDC])
def test_the_token_is_read_again_for_every_renewal_and_each_is_known_to_redaction(
    home: dict[str, str], given: dict[str, str]
) -> None:
    service = Service()
    login = find(given, home, connect=lambda _: nullcontext(service))
    credential = login.for_scope(ENDPOINT, "p")

    async def scenario() -> None:
        assert "Access=AK1," in (await credential.authorize(REQUEST)).headers["Authorization"]
        put(Path(home["HOME"]) / "token", "canary-second")
        assert await credential.renew(credential.generation) is True
        assert "Access=AK2," in (await credential.authorize(REQUEST)).headers["Authorization"]

    asyncio.run(scenario())
    sent = [request.body.decode() + request.headers.get("Authorization", "") for request in service.asked]
    assert [CANARY in sent[0], "canary-second" in sent[1]] == [True, True]
    known = {secret.reveal() for secret in login.secrets()}
    assert known == {CANARY, "canary-second", "AK1", "SK1", "ST1", "AK2", "SK2", "ST2"}


@pytest.mark.parametrize("given", [POD, OIDC, IDP])
def test_a_refusal_that_echoes_the_token_is_a_fault_of_the_login_that_does_not_show_it(
    home: dict[str, str], given: dict[str, str]
) -> None:
    login = find(given, home, connect=lambda _: nullcontext(Service(says=f"bad token {CANARY}")))
    redactor = Redactor()
    redactor.watch(login.secrets)
    with pytest.raises(NotAuthorizedError) as caught:
        asyncio.run(login.for_scope(ENDPOINT, "p").authorize(REQUEST))
    fault = caught.value.fault
    assert (fault.kind, fault.maybe_applied, fault.withheld) == (FaultKind.CREDENTIAL, False, True)
    assert "canary" not in redactor.clean(fault.message)
    assert "***" in redactor.clean(fault.message)


def test_a_token_file_that_turns_bad_is_a_fault_of_the_login(home: dict[str, str]) -> None:
    login = find(OIDC, home, connect=lambda _: nullcontext(Service()))
    put(Path(home["HOME"]) / "token", "")
    with pytest.raises(NotAuthorizedError, match="token: holds no token: what is there is empty"):
        asyncio.run(login.for_scope(ENDPOINT, "p").authorize(REQUEST))


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ('{"credential":{"access":"a","secret":"s","securitytoken":"t","expires_at":"2099-01-01T00:00:00.0Z"}}', True),
        ('{"credentials":{"accessKeyId":"a","secretAccessKey":"s","securityToken":"t","expiration":"soon"}}', True),
        ('{"credentials":{"access_key_id":"a","secret_access_key":"s","security_token":"t"}}', True),
        ('{"access":"a","secret":"s","securitytoken":"t"}', True),
        ('{"credential":{"access":"a","secret":"s"}}', False),
        ('{"credential":{"access":"a","securitytoken":"t"}}', False),
        ('{"credential":{"access":"a b","secret":"s","securitytoken":"t"}}', False),
        ('{"credential":{"access":1,"secret":"s","securitytoken":"t"}}', False),
        ('{"credential":null}', False),
        ("[]", False),
        ("<html>", False),
        ("", False),
    ],
)
def test_keys_are_read_in_each_spelling_the_vendor_has(body: str, *, found: bool) -> None:
    keys = keys_in(body.encode(), "STS")
    assert (keys is not None) == found
    if keys is not None:
        assert [secret.reveal() for secret in keys.secrets] == ["a", "s", "t"]
