import pytest

from batch.sandbox.wire import Reply
from tests.unit.sandbox.asking import Desk, json_of

DESCRIBE = "POST /v1.0/{p}/kms/describe-key"
LIST = "POST /v1.0/{p}/kms/list-keys"


def nested_error(answer: Reply) -> tuple[int, str]:
    body = json_of(answer)
    assert set(body) == {"error"}
    assert set(body["error"]) == {"error_code", "error_msg"}
    return answer.status, body["error"]["error_code"]


@pytest.mark.parametrize(
    ("part", "state", "spec"),
    [
        ("old", "2", "AES_256"),
        ("disabled", "3", "AES_256"),
        ("pending_deletion", "4", "AES_256"),
        ("asymmetric", "2", "RSA_2048"),
        ("pending_import", "5", "AES_256"),
        ("asymmetric_encryption", "2", "RSA_3072"),
        ("mac", "2", "HMAC_256"),
    ],
)
def test_a_key_is_described_as_it_is(desk: Desk, part: str, state: str, spec: str) -> None:
    answer = desk.ask(DESCRIBE, {"key_id": getattr(desk.keys, part)})
    info = json_of(answer)["key_info"]
    assert answer.status == 200
    assert (info["key_id"], info["key_state"], info["key_spec"]) == (getattr(desk.keys, part), state, spec)
    assert all(isinstance(value, str) for value in info.values())


@pytest.mark.parametrize(
    ("line", "body", "error"),
    [
        (DESCRIBE, {"key_id": "test"}, (400, "KMS.0205")),
        (DESCRIBE, {"key_id": "00000000-0000-4000-8000-000000000000"}, (404, "KMS.0207")),
        (DESCRIBE, {}, (400, "KMS.0308")),
        (DESCRIBE, b"", (400, "KMS.0308")),
        (LIST, {"limit": "x"}, (400, "KMS.0308")),
        (LIST, {"limit": 0}, (400, "KMS.0308")),
        (LIST, {"limit": "1001"}, (400, "KMS.0308")),
        (LIST, {"marker": "-1"}, (400, "KMS.0308")),
    ],
)
def test_what_kms_cannot_use_is_refused_in_its_nested_form(
    desk: Desk, line: str, body: object, error: tuple[int, str]
) -> None:
    assert nested_error(desk.ask(line, body)) == error


@pytest.mark.parametrize(
    ("body", "parts"),
    [
        ({}, ["old", "new", "disabled", "pending_deletion", "default", "pending_import"]),
        (
            {"key_spec": "ALL"},
            [
                *("old", "new", "disabled", "pending_deletion", "asymmetric", "default"),
                *("pending_import", "asymmetric_encryption", "mac"),
            ],
        ),
        ({"key_spec": "RSA_2048"}, ["asymmetric"]),
        ({"key_state": "2"}, ["old", "new", "default"]),
        ({"key_state": "5"}, ["pending_import"]),
        ({"key_state": "7"}, []),
    ],
)
def test_keys_are_listed_by_state_and_spec(desk: Desk, body: dict[str, str], parts: list[str]) -> None:
    listed = json_of(desk.ask(LIST, body))
    assert listed["keys"] == [getattr(desk.keys, part) for part in parts]
    assert [one["key_id"] for one in listed["key_details"]] == listed["keys"]
    assert (listed["truncated"], listed["next_marker"], listed["total"]) == ("false", "", len(parts))


def test_keys_are_paged_by_an_offset(desk: Desk) -> None:
    first = json_of(desk.ask(LIST, {"limit": "3"}))
    assert (len(first["keys"]), first["truncated"], first["next_marker"], first["total"]) == (3, "true", "3", 6)
    rest = json_of(desk.ask(LIST, {"limit": 3, "marker": first["next_marker"]}))
    assert (len(rest["keys"]), rest["truncated"]) == (3, "false")
    assert not set(first["keys"]) & set(rest["keys"])
