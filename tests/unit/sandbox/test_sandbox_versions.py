"""Versions keep the key they were made with, stages move from one to the next, and others make some too."""

import math
from typing import Any

import pytest
from msgspec.structs import replace

from batch.sandbox.model import SecretState
from batch.sandbox.versions import add_version
from tests.kit.records import records_of, versions_made
from tests.unit.sandbox.asking import Desk, json_of, small_sandbox

CREATE = "POST /v1/{p}/secrets/{s}/versions"


def stages(desk: Desk) -> list[tuple[str, ...]]:
    return [one.version_stages for one in desk.project.versions[desk.name]]


def with_versions(desk: Desk, count: int) -> Desk:
    first = replace(desk.project.versions[desk.name][0], version_stages=("SYSCURRENT",))
    desk.project.versions[desk.name] = (first,)
    for _ in range(count - 1):
        add_version(desk.project, desk.name, 0.0)
    return desk


def test_a_new_version_is_on_the_key_of_its_moment_and_becomes_the_current_one(desk: Desk) -> None:
    with_versions(desk, 2)
    desk.ask("PUT /v1/{p}/secrets/{s}", {"kms_key_id": desk.keys.new})
    answer = desk.ask(CREATE, {"secret_string": "never kept"}, now_s=1.0)
    made = json_of(answer)["version_metadata"]
    assert (answer.status, made["id"], made["kms_key_id"]) == (200, "v3", desk.keys.new)
    assert (made["version_stages"], made["create_time"]) == (["SYSCURRENT"], 1_800_000_001_000)
    assert stages(desk) == [(), ("SYSPREVIOUS",), ("SYSCURRENT",)]
    assert [one.kms_key_id for one in desk.project.versions[desk.name]] == [desk.keys.old] * 2 + [desk.keys.new]
    assert b"never kept" not in desk.ask("GET /v1/{p}/secrets/{s}/versions").body


def test_a_stage_of_an_owners_own_moves_nothing_but_itself(desk: Desk) -> None:
    with_versions(desk, 2)
    desk.ask(CREATE, {"secret_binary": "eA==", "version_stages": ["blue"]})
    assert stages(desk) == [("SYSPREVIOUS",), ("SYSCURRENT",), ("blue",)]
    desk.ask(CREATE, {"secret_binary": "eA==", "version_stages": ["blue"]})
    assert stages(desk) == [("SYSPREVIOUS",), ("SYSCURRENT",), (), ("blue",)]


@pytest.mark.parametrize(("keep", "left"), [(20, 5), (3, 3), (2, 2)])
def test_beyond_what_is_kept_the_oldest_without_a_stage_goes(desk: Desk, keep: int, left: int) -> None:
    desk.project.most_versions = keep
    with_versions(desk, 5)
    ids = [one.id for one in desk.project.versions[desk.name]]
    assert ids == [f"v{n}" for n in range(1, 6)][-left:]


def test_a_version_with_a_stage_is_kept_whatever_its_age(desk: Desk) -> None:
    with_versions(desk, 1)
    first = desk.project.versions[desk.name][0]
    desk.project.versions[desk.name] = (replace(first, version_stages=("SYSCURRENT", "release-1")),)
    desk.project.most_versions = 2
    for _ in range(3):
        add_version(desk.project, desk.name, 0.0)
    assert stages(desk) == [("release-1",), ("SYSPREVIOUS",), ("SYSCURRENT",)]


@pytest.mark.parametrize(
    ("changes", "body", "error"),
    [
        ({}, {}, (400, "CSMS.0002")),
        ({}, {"secret_string": "a", "secret_binary": "eA=="}, (400, "CSMS.0002")),
        ({}, b"{", (400, "CSMS.0004")),
        ({"state": SecretState.PENDING_DELETE}, {"secret_string": "a"}, (400, "CSMS.0103")),
        ({"state": SecretState.FROZEN}, {"secret_string": "a"}, (403, "CSMS.0109")),
        ({"secret_type": "RDS-FG"}, {"secret_string": "a"}, (400, "CSMS.0003")),
        ({"kms_key_id": "disabled"}, {"secret_string": "a"}, (400, "CSMS.0401")),
    ],
)
def test_a_version_that_cannot_be_made_is_refused(
    desk: Desk, changes: dict[str, Any], body: object, error: tuple[int, str]
) -> None:
    changes = {name: getattr(desk.keys, value, value) for name, value in changes.items()}
    desk.project.put(replace(desk.project.secrets[desk.name], **changes))
    before = desk.project.versions[desk.name]
    answer = desk.ask(CREATE, body)
    assert (answer.status, json_of(answer)["error_code"]) == error
    assert desk.project.versions[desk.name] == before


def test_others_make_versions_at_their_pace_on_the_key_of_the_moment_and_the_journal_has_them() -> None:
    desk = Desk(small_sandbox(secrets=3, versions_per_s=0.5))
    exchange = desk.sandbox.exchange
    assert versions_made(desk.sandbox.journal) == ()
    for name in desk.project.names:
        exchange.leave(exchange.arrive(desk.move(name), 5.0), 5.0, whole=True)
    exchange.settle(10.0)
    made = versions_made(desk.sandbox.journal)
    assert [one.at_s for one in made] == [2.0, 4.0, 6.0, 8.0, 10.0]
    assert [one.kms_key_id for one in made] == [desk.keys.old] * 2 + [desk.keys.new] * 3
    for one in made:
        kept = {version.id: version for version in desk.project.versions[one.secret_name]}
        assert kept[one.version_id].kms_key_id == one.kms_key_id
    exchange.settle(math.inf)
    assert len(versions_made(desk.sandbox.journal)) == 5
    assert len(records_of(desk.sandbox.journal)) == 3


def test_the_same_seed_has_others_do_the_same() -> None:
    def made() -> object:
        sandbox = small_sandbox(secrets=9, projects=2, versions_per_s=3.0)
        sandbox.exchange.settle(20.0)
        return versions_made(sandbox.journal)

    assert made() == made()


def test_others_leave_alone_what_takes_no_version() -> None:
    desk = Desk(small_sandbox(secrets=1, versions_per_s=1.0))
    desk.project.put(replace(desk.project.secrets[desk.name], state=SecretState.FROZEN))
    desk.sandbox.exchange.settle(5.0)
    assert versions_made(desk.sandbox.journal) == ()
