from typing import Any

import pytest

from batch.sandbox.wire import Reply
from tests.unit.sandbox.asking import Desk, json_of, small_sandbox

TOKENS = "POST /v3/auth/tokens?nocatalog=true"


def login(desk: Desk, *, scope: dict[str, Any] | None = None, wrong: dict[str, str] | None = None) -> dict[str, Any]:
    user = desk.sandbox.directory.user
    given = {"domain": user.domain, "name": user.name, "password": user.password} | (wrong or {})
    identity = {
        "methods": ["password"],
        "password": {
            "user": {"domain": {"name": given["domain"]}, "name": given["name"], "password": given["password"]}
        },
    }
    return {"auth": {"identity": identity} | ({} if scope is None else {"scope": scope})}


def iam_error(answer: Reply) -> tuple[int, str]:
    error = json_of(answer)["error"]
    assert set(error) == {"code", "message", "title"}
    assert error["code"] == answer.status
    return answer.status, error["title"]


@pytest.mark.parametrize("by", ["name", "id"])
def test_a_password_buys_a_token_for_one_project_and_a_day(by: str) -> None:
    desk = Desk(small_sandbox(projects=2))
    first, second = desk.sandbox.world.projects.values()
    body = login(desk, scope={"project": {by: getattr(first, by)}})
    answer = desk.ask(TOKENS, body, headers={"Content-Type": "application/json"}, now_s=10.0)
    token = json_of(answer)["token"]
    assert answer.status == 201
    assert (token["project"]["id"], token["project"]["name"]) == (first.id, first.name)
    assert token["issued_at"] == "2027-01-15T08:00:10.250000Z"
    assert token["expires_at"] == "2027-01-16T08:00:10.250000Z"
    headers = {"X-Auth-Token": dict(answer.headers)["X-Subject-Token"]}
    assert desk.ask(f"GET /v1/{first.id}/secrets", headers=headers, now_s=11.0).status == 200
    assert desk.ask(f"GET /v1/{second.id}/secrets", headers=headers, now_s=11.0).status == 403


def test_a_token_without_a_project_opens_none(desk: Desk) -> None:
    answer = desk.ask(TOKENS, login(desk))
    assert "project" not in json_of(answer)["token"]
    headers = {"X-Auth-Token": dict(answer.headers)["X-Subject-Token"]}
    assert desk.ask("GET /v1/{p}/secrets", headers=headers).status == 403
    assert desk.ask("GET /v3/projects", headers=headers).status == 200


@pytest.mark.parametrize("field", ["domain", "name", "password"])
def test_a_wrong_login_is_unauthorized(desk: Desk, field: str) -> None:
    assert iam_error(desk.ask(TOKENS, login(desk, wrong={field: "wrong"}))) == (401, "Unauthorized")


def test_other_ways_to_log_in_are_not_offered(desk: Desk) -> None:
    body = {"auth": {"identity": {"methods": ["assume_role"]}}}
    assert iam_error(desk.ask(TOKENS, body)) == (401, "Unauthorized")


def test_a_project_iam_does_not_know_is_not_found(desk: Desk) -> None:
    for project in ({"name": "mars-1"}, {"id": "0" * 32}, {}):
        assert iam_error(desk.ask(TOKENS, login(desk, scope={"project": project}))) == (404, "Not Found")


@pytest.mark.parametrize("body", [b"", b"{}", b"\xff", {"auth": {}}])
def test_a_login_that_makes_no_sense_is_a_bad_request(desk: Desk, body: object) -> None:
    assert iam_error(desk.ask(TOKENS, body)) == (400, "Bad Request")


def test_projects_are_found_by_name() -> None:
    desk = Desk(small_sandbox(projects=2))
    first, second = desk.sandbox.world.projects.values()

    def ids(query: str) -> list[str]:
        return [one["id"] for one in json_of(desk.ask("GET /v3/projects" + query))["projects"]]

    assert ids("") == [first.id, second.id]
    assert ids("?name=cn-north-4") == [first.id]
    assert ids(f"?name={second.name}") == [second.id]
    assert ids("?name=mars-1") == []
