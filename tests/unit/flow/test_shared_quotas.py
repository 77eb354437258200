"""What rate, gate and meter make of a quota that others use too, and of refusals that no rate explains.

Figures are means of five seeds. The goals are those of the best known policies, simulated; see `quota_clients` for what
is left out here: rows, slots and the breaker.
"""

import math
from collections.abc import Callable
from itertools import count
from random import Random
from statistics import fmean

import pytest

from batch.csms.faults import Quota
from batch.flow import rate
from batch.sandbox.quota import QuotaRate, Rival, SharedWindow, SlidingWindow, parse_rate
from tests.kit.windows import FixedWindow, TokenBucket
from tests.unit.flow.quota_clients import Chance, Client, Service, play

SEEDS = range(5)
TWENTY = parse_rate("20/s")
NAMED = pytest.mark.parametrize("named", [True, False], ids=["named", "not named"])
AUTO = pytest.mark.parametrize("auto", [False, True], ids=["given", "auto"])


def client(
    quota: QuotaRate,
    seed: int,
    *,
    rows: float = math.inf,
    named: bool = True,
    auto: bool = False,
    rate_per_s: float = 0,
) -> Client:
    """Asked for the rate of the quota, where nothing else is said; it begins within 50 ms."""
    rng = Random(seed)
    return Client(
        rate=rate.seek() if auto else rate.start(rate_per_s or quota.limit / quota.window_s),
        quota=Quota(requests=quota.limit, period_s=quota.window_s) if named else None,
        rng=rng,
        rows=rows,
        due_s=rng.uniform(0.0, 0.05),
    )


def alone(service: Callable[[], Service], clients: list[Client]) -> list[Client]:
    """Each of them by itself on such a service."""
    for one in clients:
        play(service(), [one])
    return clients


@NAMED
@AUTO
@pytest.mark.parametrize(
    ("rival_per_s", "most_time", "most_refused"), [(5, 1.14, 0.03), (10, 1.14, 0.04), (15, 1.15, 0.08), (18, 1.25, 0.2)]
)
def test_beside_a_rival_that_never_yields_it_takes_nearly_all_that_is_left(
    rival_per_s: int, most_time: float, most_refused: float, *, named: bool, auto: bool
) -> None:
    clients = alone(
        lambda: SharedWindow(TWENTY, Rival(per_s=rival_per_s)),
        [client(TWENTY, seed, rows=600, named=named, auto=auto) for seed in SEEDS],
    )
    assert fmean(one.took_s for one in clients) <= most_time * 600 / (20 - rival_per_s)
    assert fmean(one.refused for one in clients) <= most_refused


@NAMED
@pytest.mark.parametrize(("count", "most_refused"), [(2, 0.04), (4, 0.08), (8, 0.16)])
def test_runs_that_share_a_quota_use_it_up_in_equal_parts(count: int, most_refused: float, *, named: bool) -> None:
    used, fairness, refused = [], [], []
    for seed in SEEDS:
        clients = [client(TWENTY, 100 * seed + number, named=named) for number in range(count)]
        play(SlidingWindow(TWENTY), clients, until_s=120.0)
        accepted = [len(one.accepted_s) for one in clients]
        used.append(sum(accepted) / (120 * 20))
        fairness.append(sum(accepted) ** 2 / (count * sum(each**2 for each in accepted)))
        refused.append(1.0 - sum(accepted) / sum(len(one.sent_s) for one in clients))
    assert fmean(used) >= 0.87
    assert fmean(fairness) >= 0.95
    assert fmean(refused) <= most_refused


@NAMED
@AUTO
def test_within_twenty_seconds_after_the_rival_has_left_it_has_nine_tenths_of_the_quota(
    *, named: bool, auto: bool
) -> None:
    recovered_s = []
    for seed in SEEDS:
        one = client(TWENTY, seed, named=named, auto=auto)
        play(SharedWindow(TWENTY, Rival(per_s=15, until_s=60.0)), [one], until_s=120.0)
        after = [at_s for at_s in one.accepted_s if at_s > 60.0]
        recovered_s.append(next(after[n] - 60.0 for n in count(17) if after[n] - after[n - 17] < 1.02))
    assert fmean(recovered_s) <= 20.0


@NAMED
@pytest.mark.parametrize("text", ["300/m", "200/5m"])
def test_a_quota_of_minutes_shared_by_half_takes_hardly_longer(text: str, *, named: bool) -> None:
    quota = parse_rate(text)
    half_per_s = quota.limit / quota.window_s / 2
    clients = alone(
        lambda: SharedWindow(quota, Rival(per_s=half_per_s)),
        [client(quota, seed, rows=900, named=named) for seed in SEEDS],
    )
    assert fmean(one.took_s for one in clients) <= 1.15 * 900 / half_per_s


@pytest.mark.parametrize(("share", "most_time"), [(0.01, 1.2), (0.02, 1.3), (0.05, 1.7), (0.1, 2.4)])
def test_refusals_by_chance_cost_little_more_than_their_own_requests(share: float, most_time: float) -> None:
    clients = [client(TWENTY, seed, rows=1_000, named=False, rate_per_s=50) for seed in SEEDS]
    for seed, one in zip(SEEDS, clients, strict=True):
        play(Chance(share, Random(seed)), [one])
    assert fmean(one.took_s for one in clients) <= most_time * 1_000 / (1 - share) / 50


@pytest.mark.parametrize(
    ("service", "rows", "ideal_s"),
    [
        (lambda: SlidingWindow(QuotaRate(limit=20, window_s=1)), 1_000, 50.0),
        (lambda: SlidingWindow(QuotaRate(limit=100, window_s=1)), 5_000, 50.0),
        (lambda: SlidingWindow(QuotaRate(limit=5, window_s=1)), 250, 50.0),
        (lambda: FixedWindow(QuotaRate(limit=20, window_s=1)), 1_000, 50.0),
        (lambda: FixedWindow(QuotaRate(limit=100, window_s=1)), 5_000, 50.0),
        (lambda: TokenBucket(QuotaRate(limit=20, window_s=1), burst=20), 1_000, 50.0),
        (lambda: SlidingWindow(QuotaRate(limit=300, window_s=60)), 1_500, 300.0),
    ],
    ids=["20/s", "100/s", "5/s", "20/s fixed", "100/s fixed", "20/s bucket", "300/m"],
)
@pytest.mark.parametrize("auto", [True, False], ids=["auto", "a quarter too much"])
def test_a_quota_that_is_not_named_is_found_however_the_service_counts(
    service: Callable[[], Service], rows: int, ideal_s: float, *, auto: bool
) -> None:
    per_s = 1.25 * rows / ideal_s
    clients = alone(
        service, [client(TWENTY, seed, rows=rows, named=False, auto=auto, rate_per_s=per_s) for seed in SEEDS]
    )
    assert fmean(one.took_s for one in clients) <= 1.2 * ideal_s
    assert fmean(one.refused for one in clients) <= 0.08
