import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from batch.sandbox.model import SecretState
from batch.sandbox.wire import Reply
from tests.unit.sandbox.asking import Desk, json_of, small_sandbox

SECRET_FIELDS = {
    *("id", "name", "state", "kms_key_id", "description", "create_time", "update_time", "scheduled_delete_time"),
    *("secret_type", "auto_rotation", "rotation_period", "rotation_config", "rotation_time", "next_rotation_time"),
    *("event_subscriptions", "enterprise_project_id", "rotation_func_urn"),
}


def flat_error(answer: Reply) -> tuple[int, str]:
    body = json_of(answer)
    assert set(body) == {"error_code", "error_msg"}
    assert not answer.applied
    return answer.status, body["error_code"]


def test_an_update_moves_the_secret_and_shows_it_moved(desk: Desk) -> None:
    before = desk.project.secrets[desk.name]
    answer = desk.ask("PUT /v1/{p}/secrets/{s}", {"kms_key_id": desk.keys.new}, now_s=3.9)
    secret = json_of(answer)["secret"]
    assert (answer.status, answer.applied) == (200, True)
    assert set(secret) == SECRET_FIELDS
    assert (secret["name"], secret["kms_key_id"]) == (desk.name, desk.keys.new)
    assert secret["update_time"] == 1_800_000_004_000  # 0.25 s + 3.9 s past the epoch, in whole seconds
    assert (secret["id"], secret["create_time"]) == (before.id, before.create_time)
    assert json_of(desk.ask("GET /v1/{p}/secrets/{s}"))["secret"] == secret


def test_versions_keep_the_key_they_were_made_with(desk: Desk) -> None:
    desk.ask("PUT /v1/{p}/secrets/{s}", {"kms_key_id": desk.keys.new})
    versions = json_of(desk.ask("GET /v1/{p}/secrets/{s}/versions"))["version_metadatas"]
    assert {one["kms_key_id"] for one in versions} == {desk.keys.old}
    assert {one["secret_name"] for one in versions} == {desk.name}
    assert set(versions[0]) == {"id", "create_time", "expire_time", "kms_key_id", "secret_name", "version_stages"}


@pytest.mark.parametrize(
    ("body", "key", "description"),
    [
        ({"description": "new text"}, "old", "new text"),
        ({"description": ""}, "old", ""),
        ({"kms_key_id": "NEW"}, "new", "first text"),
        ({"kms_key_id": "NEW", "description": "\u00e9"}, "new", "\u00e9"),
        ({"description": "x", "no_such_field": 1}, "old", "x"),
        ({"description": "\u00e9" * 1024}, "old", "\u00e9" * 1024),  # 2048 bytes
    ],
)
def test_an_update_changes_what_is_in_it_and_nothing_else(
    desk: Desk, body: dict[str, str], key: str, description: str
) -> None:
    desk.project.put(replace(desk.project.secrets[desk.name], description="first text"))
    sent = {name: desk.keys.new if value == "NEW" else value for name, value in body.items()}
    answer = desk.ask("PUT /v1/{p}/secrets/{s}", sent)
    secret = desk.project.secrets[desk.name]
    assert answer.status == 200
    assert (secret.kms_key_id, secret.description) == (getattr(desk.keys, key), description)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "CSMS.0004"),
        (b"{", "CSMS.0004"),
        (b"\xff\xfe", "CSMS.0004"),
        (b'{"description": "\xff"}', "CSMS.0004"),
        ([], "CSMS.0004"),
        ({}, "CSMS.0004"),
        ({"unheard_of": "x"}, "CSMS.0004"),
        ({"kms_key_id": None}, "CSMS.0004"),
        ({"kms_key_id": 7}, "CSMS.0004"),
        ({"description": None}, "CSMS.0004"),
        ({"kms_key_id": ""}, "CSMS.0002"),
        ({"kms_key_id": "k" * 65}, "CSMS.0002"),
        ({"description": "\u00e9" * 1025}, "CSMS.0002"),
    ],
)
def test_a_body_the_service_cannot_use_is_refused_and_changes_nothing(desk: Desk, body: object, code: str) -> None:
    before = dict(desk.project.secrets)
    assert flat_error(desk.ask("PUT /v1/{p}/secrets/{s}", body)) == (400, code)
    assert desk.project.secrets == before


def test_a_body_that_does_not_say_it_is_json_is_refused(desk: Desk) -> None:
    headers = {"X-Auth-Token": desk.sandbox.token, "Content-Type": "application/octet-stream"}
    answer = desk.ask("PUT /v1/{p}/secrets/{s}", {"kms_key_id": desk.keys.new}, headers=headers)
    assert flat_error(answer) == (400, "CSMS.0004")


@pytest.mark.parametrize(
    "part", ["disabled", "pending_deletion", "asymmetric", "pending_import", "asymmetric_encryption", "mac"]
)
def test_a_key_that_cannot_encrypt_is_refused(desk: Desk, part: str) -> None:
    answer = desk.ask("PUT /v1/{p}/secrets/{s}", {"kms_key_id": getattr(desk.keys, part)})
    assert flat_error(answer) == (400, "CSMS.0401")
    assert desk.key_of() == desk.keys.old


def test_a_key_that_is_unknown_or_of_another_project_is_refused() -> None:
    desk = Desk(small_sandbox(projects=2))
    other = list(desk.sandbox.world.projects.values())[1].key_ids.new
    for key in ("test", other):
        assert flat_error(desk.ask("PUT /v1/{p}/secrets/{s}", {"kms_key_id": key})) == (400, "CSMS.0401")


@pytest.mark.parametrize(
    ("state", "error"),
    [
        (SecretState.PENDING_DELETE, (400, "CSMS.0103")),
        (SecretState.DISABLED, (403, "CSMS.0109")),
        (SecretState.FROZEN, (403, "CSMS.0109")),
    ],
)
def test_only_an_enabled_secret_can_be_updated_but_any_can_be_seen(
    desk: Desk, state: SecretState, error: tuple[int, str]
) -> None:
    desk.project.put(replace(desk.project.secrets[desk.name], state=state))
    assert flat_error(desk.ask("PUT /v1/{p}/secrets/{s}", {"kms_key_id": desk.keys.new})) == error
    assert json_of(desk.ask("GET /v1/{p}/secrets/{s}"))["secret"]["state"] == state


@pytest.mark.parametrize("line", ["PUT /v1/{p}/secrets/", "GET /v1/{p}/secrets/", "GET /v1/{p}/secrets/*/versions"])
@pytest.mark.parametrize(("name", "code"), [("no-such", "CSMS.0106"), ("a%2Fb", "CSMS.0002"), ("x" * 65, "CSMS.0002")])
def test_a_name_that_is_not_there_or_cannot_be_one_is_told_apart(desk: Desk, line: str, name: str, code: str) -> None:
    path = line.replace("*", name) if "*" in line else line + name
    assert flat_error(desk.ask(path, {"kms_key_id": desk.keys.new})) == (400, code)


@given(count=st.integers(0, 60), limit=st.none() | st.integers(1, 1000))
def test_paging_by_marker_shows_every_secret_once_in_order(count: int, limit: int | None) -> None:
    """Whatever the page size, following next_marker gives all names, sorted, and comes to an end."""
    desk = Desk(small_sandbox(secrets=count))
    seen: list[str] = []
    marker: str | None = ""
    for _ in range(count + 1):
        query = [*([f"limit={limit}"] if limit else []), *([f"marker={marker}"] if marker else [])]
        page = json_of(desk.ask("GET /v1/{p}/secrets?" + "&".join(query)))
        names = [secret["name"] for secret in page["secrets"]]
        assert page["page_info"]["current_count"] == len(names) <= (limit or 50)
        seen += names
        marker = page["page_info"]["next_marker"]
        if marker is None:
            break
        assert marker == names[-1]
    assert marker is None
    assert seen == desk.project.names


def test_paging_on_after_the_last_name_gives_an_empty_page(desk: Desk) -> None:
    page = json_of(desk.ask(f"GET /v1/{{p}}/secrets?marker={desk.project.names[-1]}"))
    assert page["secrets"] == []
    assert page["page_info"]["next_marker"] is None


def test_versions_are_paged_by_their_ids(desk: Desk) -> None:
    versions = desk.project.versions[desk.name]
    desk.project.versions[desk.name] = tuple(replace(versions[0], id=f"v{n}") for n in (1, 2, 3, 10))

    def page(query: str) -> tuple[list[str], str | None]:
        body = json.loads(desk.ask("GET /v1/{p}/secrets/{s}/versions" + query).body)
        return [one["id"] for one in body["version_metadatas"]], body["page_info"]["next_marker"]

    assert page("") == (["v1", "v2", "v3", "v10"], None)
    assert page("?limit=2") == (["v1", "v2"], "v2")
    assert page("?limit=2&marker=v2") == (["v3", "v10"], None)
    assert page("?marker=v10") == ([], None)
    assert page("?marker=latest") == (["v10"], None)


def test_a_filter_by_event_finds_nothing_as_no_secret_has_one(desk: Desk) -> None:
    assert json_of(desk.ask("GET /v1/{p}/secrets?event_name=e"))["secrets"] == []


@pytest.mark.parametrize("line", ["GET /v1/{p}/secrets", "GET /v1/{p}/secrets/{s}/versions"])
@pytest.mark.parametrize("limit", ["0", "1001", "-1", "x", "00001", "%C2%B2"])
def test_a_limit_out_of_bounds_is_refused(desk: Desk, line: str, limit: str) -> None:
    assert flat_error(desk.ask(f"{line}?limit={limit}")) == (400, "CSMS.0002")


def test_a_marker_that_is_no_version_is_refused(desk: Desk) -> None:
    assert flat_error(desk.ask("GET /v1/{p}/secrets/{s}/versions?marker=zzz")) == (400, "CSMS.0002")
