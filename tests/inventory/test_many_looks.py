"""Looks of every kind, killed and disturbed: as long as the service comes back, everything is seen in the end."""

from pathlib import Path
from random import Random

import pytest

from batch.sandbox.lists import ListStyle, Markers
from batch.sandbox.quota import ProjectQuota, parse_rate
from jobs.rate import Rate
from jobs.sightings import Sightings, Wanted
from jobs.spec import Limits
from tests.engine.crash import MOMENTS, CrashPoint
from tests.engine.plans import OUTAGE_FAULTS, Down, Plan
from tests.engine.rows import small_service
from tests.inventory.looks import Looks, everything, places

# A definite refusal is an answer, and one in between stops the look.
_FAULTS = sorted(set(OUTAGE_FAULTS) - {"403", "html 403", "key refused"})


def look_of(seed: int, folder: Path) -> Looks:
    """A folder and a service, as a seed has them."""
    rng = Random(seed)
    outages = [
        Down("read", rng.uniform(0, 5), rng.uniform(1, 200), rng.choice(_FAULTS)) for _ in range(rng.choice((0, 1, 2)))
    ]
    # With the last item in every page, a page of one never moves on.
    markers = rng.choice(list(Markers))
    lists = ListStyle(markers=markers, page_size=rng.choice((1 + (markers is Markers.INCLUSIVE), 5, 50)))
    sandbox = small_service(
        secrets=rng.choice((1, 7, 60)),
        projects=rng.choice((1, 3)),
        seed=seed,
        lists=lists,
        faults=Plan({}, outages, timeout_s=10.0),
        quota=ProjectQuota(parse_rate(rng.choice(("15/1s", "200/60s")))) if rng.random() < 0.3 else None,
    )
    limits = Limits(rate=Rate(20.0), timeout_s=10.0, concurrency=rng.choice((1, 4, 32)), burst=rng.choice((1, 5)))
    return Looks(folder=folder, sandbox=sandbox, limits=limits)


@pytest.mark.parametrize("seed", range(40))
def test_everything_is_seen_in_the_end(tmp_path: Path, seed: int) -> None:
    looks, rng = look_of(seed, tmp_path / "out"), Random(seed)
    looks.folder.mkdir()
    with Sightings(looks.folder) as sightings:
        sightings.want(Wanted(row=row, project=one, name="nowhere") for row, one in enumerate(places(looks.sandbox), 1))
    for kill in range(rng.choice((0, 1, 3))):
        point = CrashPoint(rng.choice(MOMENTS), rng.randrange(1, 60))
        looks.session(everything(looks.sandbox), crash=point, seed=seed + kill)
    looked = looks.session(everything(looks.sandbox), seed=seed)
    assert looked is not None
    assert (looked.stopped, looked.broken, looked.defect) == (None, None, None)
    with Sightings(looks.folder) as sightings:
        assert all(one.listed and not one.trouble and not one.versions_trouble for one in sightings.projects())
        found = list(sightings.shown.secrets())
    projects = looks.sandbox.world.projects.values()
    assert {(one.project.project_id, one.name) for one in found if one.versions} == {
        (one.id, name) for one in projects for name in one.names
    }
    assert [(one.name, one.missing) for one in found if not one.versions] == [("nowhere", True)] * len(projects)
