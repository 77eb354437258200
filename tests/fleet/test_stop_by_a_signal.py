"""`fleet run` on a real cluster is interrupted: like a run it writes its report, and says how to go on."""

import csv
import signal
from pathlib import Path

import pytest

from tests.fleet.rig import fleet_in

pytestmark = [pytest.mark.slow, pytest.mark.timeout(100)]


def test_an_interrupted_campaign_writes_the_report_of_the_whole_and_names_its_continuation(tmp_path: Path) -> None:
    with fleet_in(tmp_path, workers=("one",), projects=2) as fleet, fleet.running("--shards=1") as running:
        fleet.wait_for_puts(50)
        running.send_signal(signal.SIGINT)
        assert running.wait(60) == 128 + signal.SIGINT, fleet.said()
        with (fleet.out / "outcomes.csv").open(newline="") as file:
            statuses = [row["status"] for row in csv.DictReader(file)]
        assert len(statuses) == len(fleet.asked)
        assert statuses.count("updated") == fleet.puts()
        assert "the same command continues the campaign" in fleet.said()
