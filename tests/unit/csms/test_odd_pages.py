"""What the calls that only look make of odd answers: whole ones are taken, whatever else they show, and others not."""

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.csms.auth import Masked, TokenCredential
from batch.csms.client import CsmsClient, SecretPage, SecretView
from batch.csms.faults import Fault, FaultKind
from batch.csms.keys_and_versions import KeysAndVersions
from batch.csms.messages import Unwatched, WireAnswer, WireRequest, nothing
from batch.csms.projects import ProjectPage, ProjectsClient, ProjectView
from batch.csms.views import KeyPage, KeyState, KeyView, VersionPage, VersionView
from jobs.model import SecretUpdate

KEY = "0d0466b0-e727-4d9c-b35d-f84bb474a37f"
NESTED = b"[" * 5_000 + b"]" * 5_000


class OneAnswer:
    """Answers everything in one way, and keeps what it was asked."""

    def __init__(self, body: bytes, status: int = 200) -> None:
        self._body = body
        self._status = status
        self.asked: list[WireRequest] = []

    async def send(self, request: WireRequest, leaving: Callable[[], None] = nothing) -> WireAnswer | Fault:  # noqa: ARG002 - as `Wire`
        self.asked.append(request)
        return WireAnswer(status=self._status, body=self._body, request_id="r")


def asked(call: str, wire: OneAnswer, departure: Unwatched | None = None, marker: str | None = None) -> Any:
    credential, at = TokenCredential(Masked("t")), {"user_agent": "test"}
    secrets, look = CsmsClient(wire, credential, "p", **at), KeysAndVersions(wire, credential, "p", **at)
    projects, leaving = ProjectsClient(wire, credential, **at), departure or Unwatched()
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "secrets": lambda: secrets.list_secrets(limit=3, marker=marker, departure=leaving),
        "versions": lambda: look.list_versions("a", limit=3, marker=marker, departure=leaving),
        "keys": lambda: look.list_keys(limit=3, marker=marker, departure=leaving),
        "key": lambda: look.describe_key(KEY, leaving),
        "projects": lambda: projects.list_projects(limit=3, marker=marker, departure=leaving),
    }

    async def main() -> object:
        return await calls[call]()

    return asyncio.run(main())


CALLS = ["secrets", "versions", "keys", "key", "projects"]


@pytest.mark.parametrize(
    ("call", "body", "shown"),
    [
        ("secrets", {"secrets": []}, SecretPage(secrets=(), next_marker=None)),
        (
            "secrets",
            {"secrets": [{"name": "a"}], "page_info": {"next_marker": "", "more": 1}},
            SecretPage(secrets=(SecretView(name="a", kms_key_id=""),), next_marker=None, marked=True),
        ),
        (
            "secrets",
            {
                "secrets": [
                    {"name": "a", "kms_key_id": KEY, "state": "PENDING_DELETE", "auto_rotation": True}
                    | {"create_time": 1_581_507_580_000, "update_time": 1_581_507_580, "description": ""}
                    | {"scheduled_delete_time": 1_681_507_580_000, "enterprise_project_id": "e", "new": {}}
                ],
                "page_info": {"next_marker": "a"},
            },
            SecretPage(
                secrets=(
                    SecretView(
                        name="a",
                        kms_key_id=KEY,
                        state="PENDING_DELETE",
                        auto_rotation=True,
                        description="",
                        enterprise_project_id="e",
                        created_s=1_581_507_580,
                        updated_s=1_581_507_580,
                        deleted_from_s=1_681_507_580,
                    ),
                ),
                next_marker="a",
                marked=True,
            ),
        ),
        (
            "secrets",
            {"secrets": [{"name": "a", "kms_key_id": KEY, "state": 1, "description": [], "create_time": "soon"}]},
            SecretPage(secrets=(SecretView(name="a", kms_key_id=KEY),), next_marker=None),
        ),
        (
            "versions",
            {"version_metadatas": [{"id": "v1", "kms_key_id": None, "version_stages": None}], "page_info": {}},
            VersionPage(versions=(VersionView(id="v1", kms_key_id=""),), next_marker=None, marked=True),
        ),
        (
            "versions",
            {
                "version_metadatas": [
                    {"id": "v2", "kms_key_id": KEY, "secret_name": "a", "create_time": 1_581_507_580_000}
                    | {"version_stages": ["SYSCURRENT", ""], "secret_string": "never taken"}
                ]
            },
            VersionPage(
                versions=(VersionView(id="v2", kms_key_id=KEY, stages=("SYSCURRENT",), created_s=1_581_507_580),),
                next_marker=None,
            ),
        ),
        (
            "key",
            {"key_info": {"key_id": KEY.upper(), "key_state": "9", "default_key_flag": "1", "keystore_id": None}},
            KeyView(id=KEY.upper(), state=KeyState.UNKNOWN, default=True),
        ),
        ("key", {"key_info": {"key_id": KEY, "key_state": 2}}, KeyView(id=KEY, state=KeyState.ENABLED)),
        ("keys", {"key_details": [], "truncated": "false", "next_marker": "3"}, KeyPage(keys=(), next_marker=None)),
        ("keys", {"key_details": [], "truncated": True, "next_marker": "3"}, KeyPage(keys=(), next_marker="3")),
        (
            "keys",
            {"key_details": [], "truncated": "true", "next_marker": ""},
            KeyPage(keys=(), next_marker=None, marked=False),
        ),
        ("keys", {"key_details": [], "next_marker": ""}, KeyPage(keys=(), next_marker=None)),
        (
            "projects",
            {"projects": [{"id": "1", "name": "cn-north-4_a"}], "links": {"next": None}},
            ProjectPage(projects=(ProjectView(id="1", name="cn-north-4_a"),), next_marker=None),
        ),
        (
            "projects",
            {"projects": [{"id": "1", "name": "MOS", "enabled": False}], "links": {"next": "https://elsewhere/"}},
            ProjectPage(projects=(ProjectView(id="1", name="MOS", enabled=False),), next_marker="2"),
        ),
    ],
)
def test_what_is_whole_is_taken_with_whatever_it_shows(call: str, body: object, shown: object) -> None:
    assert asked(call, OneAnswer(msgspec.json.encode(body))) == shown


@pytest.mark.parametrize(
    ("call", "body"),
    [
        *[(call, body) for call in CALLS for body in (b"", b"<html>", b"[]", b"{}", b"null", b'{"more":%s}' % NESTED)],
        ("secrets", b'{"secrets":null}'),
        ("secrets", b'{"secrets":[{"kms_key_id":"k"}]}'),
        ("secrets", b'{"secrets":[{"name":""}]}'),
        ("secrets", b'{"secrets":[{"name":"a"},{"name":".."}]}'),
        ("secrets", b'{"secrets":[{"name":"a/versions/latest"}]}'),
        ("secrets", b'{"secrets":[{"name":"a"}],"page_info":{"next_marker":7}}'),
        ("versions", b'{"version_metadatas":[{"kms_key_id":"k"}]}'),
        ("versions", b'{"version_metadatas":[{"id":"v1","kms_key_id":"k","secret_name":"b"}]}'),
        ("versions", b'{"version_metadatas":[{"id":""}]}'),
        ("keys", b'{"key_details":[{"key_id":""}]}'),
        ("projects", b'{"projects":[{"id":"","name":"a"}]}'),
        ("versions", b'{"version":{"version_metadata":{"id":"v1"}}}'),
        ("key", b'{"key_info":{"key_state":"2"}}'),
        ("key", b'{"key_info":{"key_id":"another","key_state":"2"}}'),
        ("keys", b'{"keys":["k"]}'),
        ("projects", b'{"projects":[{"id":"1"}]}'),
    ],
)
def test_what_cannot_be_the_answer_is_none(call: str, body: bytes) -> None:
    answer = asked(call, OneAnswer(body))
    assert isinstance(answer, Fault)
    assert (answer.kind, answer.http_status, answer.request_id) == (FaultKind.MISMATCH, 200, "r")


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (403, b'{"error_code":"CSMS.0302","error_msg":"no"}', FaultKind.FORBIDDEN),
        (403, b'{"error":{"error_code":"KMS.0307","error_msg":"no"}}', FaultKind.FORBIDDEN),
        (403, b"<html>", FaultKind.FOREIGN),
        (401, b'{"error_code":"APIGW.0307","error_msg":"expired"}', FaultKind.CREDENTIAL),
        (429, b'{"error_code":"APIG.0308","error_msg":"limit:20,time:1 second"}', FaultKind.THROTTLED),
        (504, b"", FaultKind.UNAVAILABLE),
        (302, b"", FaultKind.MISCONFIGURED),
        (204, b"", FaultKind.LOST),
    ],
)
def test_refusals_are_classified_as_for_every_other_call(call: str, status: int, body: bytes, kind: FaultKind) -> None:
    answer = asked(call, OneAnswer(body, status))
    assert isinstance(answer, Fault)
    assert answer.kind is kind


@pytest.mark.parametrize(
    ("status", "kind"), [(403, FaultKind.FORBIDDEN), (401, FaultKind.CREDENTIAL), (400, FaultKind.REJECTED)]
)
def test_iams_own_refusal_has_no_code_and_is_not_taken_for_a_proxys(status: int, kind: FaultKind) -> None:
    body = msgspec.json.encode({"error": {"code": status, "message": "not you", "title": "Forbidden"}})
    answer = asked("projects", OneAnswer(body, status))
    assert isinstance(answer, Fault)
    assert answer.kind is kind
    assert "not you" in answer.message


@pytest.mark.parametrize(
    ("call", "method", "target", "body"),
    [
        ("secrets", "GET", "/v1/p/secrets?limit=3&marker=2", b""),
        ("versions", "GET", "/v1/p/secrets/a/versions?limit=3&marker=2", b""),
        ("key", "POST", "/v1.0/p/kms/describe-key", b'{"key_id":"%s"}' % KEY.encode()),
        ("keys", "POST", "/v1.0/p/kms/list-keys", b'{"limit":"3","key_spec":"ALL","marker":"2"}'),
        ("projects", "GET", "/v3/projects?page=2&per_page=3", b""),
    ],
)
def test_what_is_sent(call: str, method: str, target: str, body: bytes) -> None:
    wire = OneAnswer(b"{}")
    asked(call, wire, marker="2")
    (request,) = wire.asked
    assert (request.method, request.target, request.body) == (method, target, body)
    assert request.headers["X-Auth-Token"] == "t"
    assert request.headers.get("Content-Type") == ("application/json" if body else None)
    assert request.answer_limit == (65_536 if call == "key" else 8_388_608)


@pytest.mark.parametrize("call", CALLS)
def test_a_request_that_was_stopped_while_it_got_authorized_never_leaves(call: str) -> None:
    class Stopped(Unwatched):
        def may_leave(self) -> bool:
            return False

    wire = OneAnswer(b"{}")
    answer = asked(call, wire, Stopped())
    assert isinstance(answer, Fault)
    assert (answer.withheld, wire.asked) == (True, [])


@given(
    name=st.text("av./%2Fersion", min_size=1, max_size=30)
    | st.sampled_from(["a/versions/v1", "versions", "../versions/1"])
)
def test_no_name_makes_a_request_that_reaches_a_version_of_a_secret(name: str) -> None:
    """The service answers there with the value, so no name may lead there, also where something on the way decodes."""
    wire = OneAnswer(b"{}")
    credential = TokenCredential(Masked("t"))
    secrets = CsmsClient(wire, credential, "p", user_agent="test")
    look = KeysAndVersions(wire, credential, "p", user_agent="test")
    for call in (
        lambda: secrets.show_secret(name),
        lambda: secrets.update_secret(SecretUpdate(secret_name=name, kms_key_id=KEY)),
        lambda: look.list_versions(name, limit=3, marker=name),
    ):
        with contextlib.suppress(ValueError):
            asyncio.run(call())
    for request in wire.asked:
        path = request.target.partition("?")[0]
        assert re.fullmatch(r"/v1/p/secrets/[^/]+(/versions)?", path)
        assert not re.search(r"/versions/v?[0-9l]", unquote(path))
