import csv
import io
import re

import pytest
from msgspec.structs import replace

from batch.sandbox.manifest import manifest_csv
from batch.sandbox.model import KeyState, SecretState
from batch.sandbox.world import build_world


def test_the_same_seed_gives_the_same_world_and_another_seed_another() -> None:
    assert build_world(seed=3, secrets=20, projects=2) == build_world(seed=3, secrets=20, projects=2)
    assert build_world(seed=3, secrets=20, projects=2) != build_world(seed=4, secrets=20, projects=2)


@pytest.mark.parametrize(
    ("secrets", "projects", "spread"), [(0, 1, [0]), (10, 1, [10]), (10, 3, [4, 3, 3]), (2, 3, [1, 1, 0])]
)
def test_secrets_are_spread_evenly(secrets: int, projects: int, spread: list[int]) -> None:
    world = build_world(seed=7, secrets=secrets, projects=projects)
    assert [len(one.secrets) for one in world.projects.values()] == spread
    assert sum(len(project.secrets) for project in world.projects.values()) == secrets


@pytest.mark.parametrize(("secrets", "projects"), [(5, 0), (-1, 1)])
def test_an_impossible_world_is_refused(secrets: int, projects: int) -> None:
    with pytest.raises(ValueError, match="at least 1 project"):
        build_world(seed=7, secrets=secrets, projects=projects)


def test_everything_has_the_shape_the_service_gives_it() -> None:
    """Names, ids and key ids are as the API's patterns have them, and every secret starts enabled on the old key."""
    world = build_world(seed=7, secrets=200, projects=2)
    uuid = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
    for project_id, project in world.projects.items():
        assert re.fullmatch(r"[0-9a-f]{32}", project_id)
        assert all(uuid.fullmatch(key) for key in project.keys)
        assert project.names == sorted(project.secrets)
        for secret in project.secrets.values():
            assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", secret.name)
            assert uuid.fullmatch(secret.id)
            assert (secret.state, secret.kms_key_id) == (SecretState.ENABLED, project.key_ids.old)
            assert secret.update_time % 1000 == 0
            assert {one.kms_key_id for one in project.versions[secret.name]} == {project.key_ids.old}
            assert project.versions[secret.name][-1].version_stages == ("SYSCURRENT",)


def test_every_project_has_one_key_for_every_case() -> None:
    project = next(iter(build_world(seed=7, secrets=0).projects.values()))
    ids = project.key_ids
    usable = {key.key_id for key in project.keys.values() if key.usable}
    assert usable == {ids.old, ids.new, ids.default}
    assert project.keys[ids.disabled].key_state is KeyState.DISABLED
    assert project.keys[ids.pending_deletion].key_state is KeyState.PENDING_DELETION
    assert project.keys[ids.asymmetric].key_usage == "SIGN_VERIFY"
    assert project.keys[ids.pending_import].key_state is KeyState.PENDING_IMPORT
    assert project.keys[ids.asymmetric_encryption].key_spec == "RSA_3072"
    assert project.keys[ids.mac].key_usage == "GENERATE_VERIFY_MAC"
    assert len(project.keys) == 9


def test_the_manifest_names_every_secret_once_with_its_projects_new_key() -> None:
    world = build_world(seed=7, secrets=30, projects=2)
    rows = list(csv.DictReader(io.StringIO(manifest_csv(world))))
    assert {(row["project_id"], row["secret_name"]) for row in rows} == {
        (one.id, name) for one in world.projects.values() for name in one.names
    }
    assert all(row["kms_key_id"] == world.projects[row["project_id"]].key_ids.new for row in rows)
    assert len(rows) == 30


def test_the_manifest_of_one_project_has_no_project_column() -> None:
    text = manifest_csv(build_world(seed=7, secrets=2))
    assert text.splitlines()[0] == "secret_name,kms_key_id"
    assert text.count("\n") == 3
    assert "\r" not in text


def test_a_secret_put_in_later_is_listed_in_its_place() -> None:
    project = next(iter(build_world(seed=7, secrets=5).projects.values()))
    secret = project.secrets[project.names[0]]
    project.put(replace(secret, name="aaa"))
    project.put(replace(secret, description="changed"))
    assert project.names == sorted(project.secrets)
    assert project.names[0] == "aaa"
    assert len(project.names) == 6
