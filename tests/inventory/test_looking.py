"""Looking at projects: what is seen is kept page by page, nothing is asked twice, and trouble is told apart."""

from pathlib import Path
from typing import Any

from batch.sandbox.assembly import Sandbox
from batch.sandbox.lists import ListStyle
from jobs.sightings import Sightings
from tests.engine.rows import small_service
from tests.inventory.looks import Looks, everything


def service(**more: Any) -> Sandbox:
    return small_service(secrets=60, projects=3, lists=ListStyle(page_size=5), **more)


def test_all_secrets_and_versions_of_several_projects_are_seen(tmp_path: Path) -> None:
    sandbox = service()
    looks = Looks(folder=tmp_path / "out", sandbox=sandbox)
    looked = looks.session(everything(sandbox))
    assert looked is not None
    assert (looked.stopped, looked.broken, looked.defect) == (None, None, None)
    with Sightings(looks.folder) as sightings:
        seen = [(one.project.project_id, one.name, one.kms_key_id) for one in sightings.shown.secrets()]
        versions = [(one.project.project_id, one.secret_name, one.version_id) for one in sightings.shown.versions()]
    projects = sandbox.world.projects.values()
    assert seen == sorted((one.id, name, one.secrets[name].kms_key_id) for one in projects for name in one.names)
    assert len(versions) == sum(len(of) for one in projects for of in one.versions.values())
    assert len(looks.records) == looked.requests == 12 + 60
