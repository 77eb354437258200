"""A campaign on a real scheduler and three worker processes over TLS, held against what the service saw."""

from pathlib import Path

import pytest

from tests.fleet.judged import sent_twice, wrong
from tests.fleet.rig import fleet_in

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]


def test_every_row_is_done_once_although_one_worker_is_killed_and_another_retired(tmp_path: Path) -> None:
    with fleet_in(tmp_path) as fleet, fleet.running("--shards=6") as running:
        fleet.wait_for_puts(300)
        name, _ = fleet.worker_at_work()
        fleet.cluster.workers[name].kill()
        fleet.wait_for_puts(1_200)
        fleet.cluster.retire(fleet.worker_at_work()[0])
        assert running.wait(100) == 0, fleet.said()
        assert wrong(fleet) == []
        assert sent_twice(fleet.records()) <= 2 * fleet.rate * 4
        assert "worker" in fleet.said()
        canary = fleet.ready.token.encode()
        written = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "service.log"]
        assert len(written) > 50
        assert not [path for path in written if canary in path.read_bytes()]
