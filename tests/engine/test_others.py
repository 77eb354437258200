"""A run while others write new versions: in virtual time, and the world that later commands are held against."""

from pathlib import Path

from batch.csms.client import same_key
from jobs.model import Status
from jobs.rate import Rate
from jobs.spec import Limits
from tests.engine.machine import keys_of, load_job, run_job, still_on, versions_of
from tests.engine.rows import moves, project_of, small_service
from tests.kit.records import versions_made


def test_versions_that_others_make_during_a_run_are_on_the_key_of_their_moment(folder: Path) -> None:
    sandbox = small_service(secrets=60, versions_per_s=5.0)
    job = load_job(folder / "run", sandbox, moves(sandbox))
    run_job(job, Limits(rate=Rate(10.0)))
    keys = project_of(sandbox).key_ids
    assert set(job.statuses()) == {Status.UPDATED}
    made = versions_made(sandbox.journal)
    assert len(made) >= 25
    assert {one.kms_key_id for one in made} == {keys.old, keys.new}
    assert set(keys_of(sandbox).values()) == {keys.new}
    shown = {(place, one.id): one.kms_key_id for place, versions in versions_of(sandbox).items() for one in versions}
    assert all(same_key(shown[(one.project_id, one.secret_name), one.version_id], one.kms_key_id) for one in made)
    # Whatever has moved, what was made before keeps the old key in use.
    assert still_on(sandbox, keys.old) == frozenset(keys_of(sandbox))
