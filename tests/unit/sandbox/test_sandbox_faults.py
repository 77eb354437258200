from collections import Counter
from random import Random

import pytest

from batch.sandbox import faults
from batch.sandbox.chance import KINDS, Chance, parse_odds
from batch.sandbox.faults import Delivery, InjectedFault
from batch.sandbox.wire import Arrival, find_route
from tests.kit.scripts import FirstOf, Numbers, Outage, Updates
from tests.unit.sandbox.asking import Desk


def arrival(desk: Desk, line: str = "PUT /v1/{p}/secrets/{s}", *, n: int = 1, now_s: float = 0.0) -> Arrival:
    request = desk.request(line)
    return Arrival(n=n, now_s=now_s, request=request, route=find_route(request.method, request.target))


def test_odds_are_read_in_order() -> None:
    assert parse_odds([]) == ()
    assert parse_odds(["504=0.02", "reset=1e-2"]) == (("504", 0.02), ("reset", 0.01))


@pytest.mark.parametrize(("text", "share"), [("2%", 0.02), ("0.5%", 0.005), ("100%", 1.0), ("0%", 0.0), ("1", 1.0)])
def test_a_share_may_be_given_in_percent(text: str, share: float) -> None:
    assert parse_odds([f"504={text}"]) == (("504", share),)


@pytest.mark.parametrize(
    ("specs", "reason"),
    [
        (["505=0.1"], "unknown kind; the kinds are 401, "),
        (["504"], "a share after the ="),
        (["504="], "a share after the ="),
        (["504=x"], "a share after the ="),
        (["504=1.1"], "a share after the ="),
        (["504=-0.1"], "a share after the ="),
        (["504=nan"], "a share after the ="),
        (["504=%"], "a share after the ="),
        (["504=101%"], "a share after the ="),
        (["504=2%%"], "a share after the ="),
        (["504=0.1", "504=0.2"], "given twice"),
        (["504=0.6", "reset=0.5"], "more than 1"),
        (["504=60%", "reset=0.5"], "add up to 1.1, more than 1"),
    ],
)
def test_odds_that_make_no_sense_are_refused_with_the_reason(specs: list[str], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_odds(specs)


def test_the_same_seed_gives_the_same_faults_at_the_odds_asked_for(desk: Desk) -> None:
    odds = parse_odds(["504=0.2", "429=0.1", "reset=0.1"])

    def draw(seed: int) -> list[InjectedFault | None]:
        chance = Chance(odds, Random(seed))  # the seed is what is tested
        return [chance.decide(arrival(desk)) for _ in range(2000)]

    drawn = draw(1)
    assert drawn == draw(1) != draw(2)
    counts = Counter(None if fault is None else (fault.name, fault.applied) for fault in drawn)
    # Four standard deviations of a binomial of 2000 are 72 at 0.2, 54 at 0.1 and 39 at 0.05.
    assert counts[("429", True)] == 0
    assert abs(counts[("429", False)] - 200) < 54
    for name, expected, off in (("504", 400, 72), ("reset", 200, 54)):
        assert abs(counts[(name, True)] + counts[(name, False)] - expected) < off
        assert counts[(name, True)] > expected / 4 < counts[(name, False)]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_can_happen(desk: Desk, kind: str) -> None:
    fault = Chance(((kind, 1.0),), Random(0)).decide(arrival(desk))  # any will do
    assert fault is not None
    assert fault.name == kind.removeprefix("late")


@pytest.mark.parametrize("kind", ["429", "401", "403", "drop"])
def test_a_definite_no_is_never_applied(desk: Desk, kind: str) -> None:
    chance = Chance(((kind, 1.0),), Random(0))  # any will do
    drawn = [chance.decide(arrival(desk)) for _ in range(50)]
    assert not any(fault is None or fault.applied or fault.lands_after_s for fault in drawn)


def test_the_kth_update_of_a_secret_meets_its_fault_and_reads_do_not_count(desk: Desk) -> None:
    script = Updates({(desk.name, 2): faults.drop()})
    lines = ["PUT /v1/{p}/secrets/{s}", "GET /v1/{p}/secrets/{s}", "PUT /v1/{p}/secrets/other", "GET /nowhere"]
    assert [script.decide(arrival(desk, line)) for line in lines] == [None] * 4
    assert script.decide(arrival(desk)) == faults.drop()
    assert script.decide(arrival(desk)) is None


def test_the_nth_request_meets_its_fault(desk: Desk) -> None:
    script = Numbers({2: faults.tokens_end()})
    assert [script.decide(arrival(desk, n=n)) for n in (1, 2, 3)] == [None, faults.tokens_end(), None]


def test_an_outage_has_a_beginning_and_an_end(desk: Desk) -> None:
    script = Outage(10.0, 20.0)
    hit = [script.decide(arrival(desk, now_s=at)) is not None for at in (0.0, 9.9, 10.0, 19.9, 20.0)]
    assert hit == [False, False, True, True, False]
    assert script.decide(arrival(desk, "GET /nowhere", now_s=15.0)) == faults.drop()


def test_an_outage_can_hit_one_project_with_a_fault_of_its_own(desk: Desk) -> None:
    script = Outage(0.0, 1.0, faults.gateway_error(503), project_id=desk.project.id)
    assert script.decide(arrival(desk)) == faults.gateway_error(503)
    assert script.decide(arrival(desk, f"PUT /v1/{'0' * 32}/secrets/a")) is None
    assert script.decide(arrival(desk, "GET /nowhere")) is None


def test_the_first_of_several_scripts_prevails_and_all_keep_count(desk: Desk) -> None:
    script = FirstOf(Numbers({}), Numbers({1: faults.drop()}), Updates({(desk.name, 2): faults.cut()}))
    assert [script.decide(arrival(desk, n=n)) for n in (1, 2, 3)] == [faults.drop(), faults.cut(), None]


def test_a_gateway_error_of_a_status_it_does_not_have_is_a_mistake_of_the_test() -> None:
    with pytest.raises(KeyError):
        faults.gateway_error(418)


def test_what_is_said_and_what_is_done_are_apart() -> None:
    late = faults.gateway_error(504, lands_after_s=3.0, retry_after="5")
    assert (late.applied, late.lands_after_s, late.delivery) == (False, 3.0, Delivery.WHOLE)
    assert faults.reset(applied=True).applied
    assert not faults.silence(applied=False).applied
