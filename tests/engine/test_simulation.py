"""The whole engine against a model service: any manifest, any faults, killed anywhere; one true outcome a row."""

from hypothesis import HealthCheck, given, settings

from tests.engine.scenario import Scenario, play
from tests.engine.strategies import scenarios

SETTINGS = settings(deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])


@settings(SETTINGS, max_examples=150)
@given(scenarios())
def test_nothing_is_lost_whatever_fails_and_wherever_the_process_dies(scenario: Scenario) -> None:
    assert play(scenario).wrong == ()


@settings(SETTINGS, max_examples=15)
@given(scenarios())
def test_the_same_manifest_faults_and_seed_end_in_the_same_outcomes(scenario: Scenario) -> None:
    assert play(scenario) == play(scenario)
