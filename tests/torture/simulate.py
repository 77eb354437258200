"""Many simulated runs by hypothesis, and whole campaigns by seeds, counted; what fails comes back with all a replay
needs.
"""

import msgspec
from hypothesis import HealthCheck, Phase, given, seed, settings

from batch.telemetry.log import silence_log
from tests.campaign.play import play as play_campaign
from tests.engine.scenario import Scenario, play
from tests.engine.strategies import scenarios
from tests.fleet.drawn import large, played, small


class Simulated(msgspec.Struct, kw_only=True):
    """What so many simulated runs, or campaigns, came to; a command of a campaign is a session."""

    runs: int = 0
    sessions: int = 0
    crashes: int = 0
    requests: int = 0
    faults: int = 0
    changes: int = 0
    wrong: tuple[str, ...] = ()


def simulate(*, seed: int, runs: int) -> Simulated:
    """Plays that many scenarios; stops at the first that fails, once it is shrunk."""
    silence_log()
    total = Simulated()
    try:
        _playing(total, seed, runs)()
    except Exception as error:  # noqa: BLE001 - what hypothesis raises is told, whatever it is
        total.wrong = (*total.wrong, "\n".join([repr(error), *getattr(error, "__notes__", ())]))
    return total


def _playing(total: Simulated, start: int, runs: int):  # type: ignore[no-untyped-def]  # noqa: ANN202 - hypothesis gives it its type
    @seed(start)
    @settings(
        max_examples=runs, deadline=None, database=None, print_blob=True, suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )  # fmt: skip
    @given(scenarios())
    def playing(scenario: Scenario) -> None:
        played = play(scenario)
        total.runs += 1
        total.sessions += played.sessions
        total.crashes += played.crashes
        total.requests += played.requests
        total.faults += played.faults
        assert played.wrong == (), f"{played.wrong[:3]} in {scenario!r}"

    return playing


def simulate_campaigns(*, seed: int, runs: int) -> Simulated:
    """Plays that many campaigns, those of the seeds from `seed` on; stops at the first that fails."""
    silence_log()
    total = Simulated()
    for one in range(seed, seed + runs):
        try:
            played = play_campaign(one)
        except Exception as error:  # noqa: BLE001 - told as what is wrong, whatever it is
            total.wrong = (f"campaign {one}: {error!r}",)
            return total
        total.runs += 1
        total.sessions += played.commands
        total.crashes += played.crashes
        total.requests += played.requests
        total.faults += played.faults
        total.changes += played.changes
        if played.wrong:
            total.wrong = (f"campaign {one}: " + "\n".join([*played.wrong[:3], *played.done]),)
            return total
    return total


def simulate_fleets(*, seed: int, runs: int) -> Simulated:
    """Plays fleets of the seeds from `seed` on, each 50th with 20,000 projects and 50,000,000 rows."""
    total = Simulated()
    for one in range(seed, seed + runs):
        fleet = small(one, faults=one % 80) if one % 50 else large(one, mean=2_500, until_s=8_000)
        found = played(fleet)
        total.runs += 1
        total.sessions += found.owners
        total.requests += found.sent
        total.faults += len(fleet.events)
        total.wrong += tuple(f"fleet {one}: {line}" for line in found.wrong)
    return total
