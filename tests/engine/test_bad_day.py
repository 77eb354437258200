"""How near a session comes to what the service allows on a bad day, in virtual time: shares of failures, quotas that
are shared, refusals by chance, rows that always fail, access keys.

Unless a test says otherwise: 1,000 rows at 50 a second, 8 attempts each. Time is from the first PUT to the last one at
the service, and the ideal is what is needed at the rate that the service allows. Every day is checked by the oracle.
"""

import math
from collections.abc import Iterable
from pathlib import Path
from random import Random
from statistics import mean
from typing import NoReturn

import msgspec
import pytest

from batch.csms.auth import Description, Masked
from batch.csms.auth.keys import AccessKeys, KeyLogin
from batch.csms.faults import Fault
from batch.sandbox import faults
from batch.sandbox.assembly import Sandbox
from batch.sandbox.faults import InjectedFault
from batch.sandbox.quota import ProjectQuota, Rival, parse_rate
from jobs.model import Status
from jobs.spec import Auth
from tests.engine.days import Day, limits, live
from tests.engine.rows import project_of, small_service
from tests.engine.side_by_side import Sharing, share_a_quota
from tests.kit.bad_days import Always, Share
from tests.kit.faults import refusing
from tests.kit.scripts import FirstOf

ROWS = 1_000
PER_S = 50.0
TIMEOUT = faults.gateway_error(504)
RESET = faults.reset(applied=False)
NOT_NAMED = refusing("APIG.0308", "too many requests")
NAMES = project_of(small_service(secrets=ROWS)).names
EXHAUSTED = (Status.FAILED, Status.UNKNOWN)
# What the network of a simulation takes for a request and its answer, on average.
EXCHANGE_S = 0.01 + 0.05 / 2


def days_of_a_share(folder: Path, share: float, fault: InjectedFault, *, attempts: int, seeds: Iterable[int]) -> float:
    """Time / ideal, on average; of the rows no more run out of attempts than chance would have it."""
    days = [
        live(
            folder / str(seed),
            small_service(secrets=ROWS, faults=Share(share, fault, seed=seed)),
            limits(max_attempts=attempts),
            seed=seed,
        )
        for seed in seeds
    ]
    rows, unlucky = ROWS * len(days), share**attempts
    exhausted = sum(day.statuses[status] for day in days for status in EXHAUSTED)
    assert exhausted <= rows * unlucky + 3 * math.sqrt(rows * unlucky * (1 - unlucky))
    assert sum(day.statuses[Status.UPDATED] for day in days) == rows - exhausted
    # Whatever fails was not applied and none is sent after it was accepted: every PUT was needed.
    return mean(day.took_s / (len(day.puts) / PER_S) for day in days)


@pytest.mark.parametrize("fault", [TIMEOUT, RESET], ids=["504", "reset"])
@pytest.mark.parametrize(("share", "most"), [(0.05, 1.05), (0.1, 1.06), (0.2, 1.08), (0.3, 1.10)])
def test_a_share_of_failures_costs_hardly_more_than_their_repetition(
    folder: Path, share: float, most: float, fault: InjectedFault
) -> None:
    assert days_of_a_share(folder, share, fault, attempts=8, seeds=(1, 2) if fault is TIMEOUT else (3,)) <= most


@pytest.mark.parametrize("fault", [TIMEOUT, RESET], ids=["504", "reset"])
@pytest.mark.parametrize(("share", "most"), [(0.5, 1.5), (0.7, 2.0)])
def test_a_run_goes_through_where_most_requests_fail(
    folder: Path, share: float, most: float, fault: InjectedFault
) -> None:
    assert days_of_a_share(folder, share, fault, attempts=20, seeds=(1,)) <= most


def test_slots_that_wait_for_slow_failures_are_used_by_others_meanwhile(folder: Path) -> None:
    """Of 3,000 rows at no rate in 64 slots 30 % fail, each after 5 s."""
    slow_timeout = msgspec.structs.replace(TIMEOUT, delay_s=5.0)
    sandbox = small_service(secrets=3_000, faults=Share(0.3, slow_timeout))
    day = live(folder, sandbox, limits("unlimited", concurrency=64))
    failed = sum(record.status == 504 for record in day.puts)
    ideal_s = (len(day.puts) * EXCHANGE_S + failed * 5.0) / 64
    assert day.took_s / ideal_s <= 1.35


@pytest.mark.parametrize("rate", ["20/s", "auto"])
@pytest.mark.parametrize("named", [True, False], ids=["named", "not named"])
@pytest.mark.parametrize(
    ("rival", "most", "most_refused"), [(5, 1.14, 0.03), (10, 1.14, 0.04), (15, 1.15, 0.08), (18, 1.25, 0.20)]
)
def test_what_a_rival_leaves_of_a_quota_is_found_and_used(
    folder: Path, rival: int, most: float, most_refused: float, *, named: bool, rate: str
) -> None:
    """400 rows at a quota of 20 a second."""
    days = [share_with_a_rival(folder / str(seed), "20/s", rival, named=named, rate=rate, seed=seed) for seed in (1, 2)]
    assert mean(day.took_s for day in days) / (400 / (20 - rival)) <= most
    assert mean(day.refused for day in days) <= most_refused


@pytest.mark.parametrize("named", [True, False], ids=["named", "not named"])
@pytest.mark.parametrize("quota", ["300/m", "200/5m"])
def test_half_of_a_quota_by_the_minute_is_found_and_used(folder: Path, quota: str, *, named: bool) -> None:
    """900 rows."""
    allowed = parse_rate(quota)
    left = allowed.limit / allowed.window_s / 2
    days = [
        share_with_a_rival(folder / str(seed), quota, left, named=named, rate=quota, seed=seed, rows=900)
        for seed in (1, 2)
    ]
    assert mean(day.took_s for day in days) / (900 / left) <= 1.15


def share_with_a_rival(
    folder: Path, quota: str, rival: float, *, named: bool, rate: str, seed: int, rows: int = 400
) -> Day:
    shared = ProjectQuota(parse_rate(quota), rival=Rival(per_s=rival), named=named)
    day = live(folder, small_service(secrets=rows, quota=shared), limits(rate), seed=seed)
    assert day.statuses == {Status.UPDATED: rows}
    return day


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_a_rival_took_is_regained_within_20_s_of_its_leaving(folder: Path, seed: int) -> None:
    """90 % of 20 a second, after a rival of 15 a second."""
    left_s = 60.0
    quota = ProjectQuota(parse_rate("20/s"), rival=Rival(per_s=15.0, until_s=left_s))
    day = live(folder, small_service(secrets=ROWS, quota=quota), limits("20/s"), seed=seed)
    accepted = [record.at_s for record in day.puts if record.status == 200 and record.at_s > left_s]
    in_two_seconds = round(2 * 0.9 * 20)
    regained_s = next(at for first, at in zip(accepted, accepted[in_two_seconds - 1 :], strict=False) if at - first < 2)
    assert regained_s - left_s <= 20.0


@pytest.mark.parametrize(("sessions", "rows", "most_refused"), [(2, 400, 0.04), (4, 500, 0.08), (8, 300, 0.16)])
def test_several_runs_share_a_quota_fairly_and_use_it(
    folder: Path, sessions: int, rows: int, most_refused: float
) -> None:
    """Each with `--rate 20/s` on a quota of 20 a second, while all of them send."""
    found: list[Sharing] = []
    for seed in (1, 2):
        sandbox = small_service(secrets=sessions * rows, quota=ProjectQuota(parse_rate("20/s")))
        found.append(share_a_quota(folder / str(seed), sandbox, limits("20/s"), sessions, seed=seed))
    assert mean(one.accepted_per_s for one in found) / 20 >= 0.87
    assert mean(one.fairness for one in found) >= 0.95
    assert mean(one.refused for one in found) <= most_refused


@pytest.mark.parametrize(("share", "most"), [(0.01, 1.2), (0.02, 1.3), (0.05, 1.7), (0.1, 2.4)])
def test_refusals_by_chance_that_name_no_limit_slow_a_run_little(folder: Path, share: float, most: float) -> None:
    assert days_of_a_share(folder, share, NOT_NAMED, attempts=8, seeds=(1, 2, 3)) <= most


@pytest.mark.parametrize("where", ["at the head", "spread"])
@pytest.mark.parametrize("share", [0.05, 0.1, 0.25, 0.5])
def test_rows_that_always_fail_keep_no_other_row_from_being_done(folder: Path, share: float, where: str) -> None:
    bad = round(ROWS * share)
    names = frozenset(NAMES[:bad] if where == "at the head" else Random(1).sample(NAMES, bad))
    day = live(folder, small_service(secrets=ROWS, faults=Always(names, TIMEOUT)), limits())
    done = {claim.secret_name for claim in day.job.claims() if claim.status is Status.UPDATED}
    assert done == {*NAMES} - names
    assert len(day.puts) == len(done) + 8 * bad
    assert day.took_s / (day.until_the_last_put / PER_S) <= 1.25


def test_a_rival_beside_failures_of_every_fate_leads_to_no_violation(folder: Path) -> None:
    """Failures whose update was applied, was not, or still comes; a quota that is shared; all at once."""
    script = FirstOf(
        Share(0.1, faults.gateway_error(504, applied=True), seed=1),
        Share(0.1, faults.gateway_error(503, lands_after_s=4.0), seed=2),
        Share(0.1, RESET, seed=3),
        Share(0.02, faults.cut(), seed=4),
    )
    sandbox = small_service(secrets=300, faults=script, quota=ProjectQuota(parse_rate("20/s"), rival=Rival(per_s=10)))
    day = live(folder, sandbox, limits("20/s"))
    assert day.statuses[Status.UPDATED] + day.statuses[Status.VERIFIED] == 300


@pytest.mark.parametrize("rate", ["50/s", "unlimited"])
def test_access_keys_are_as_quick_as_a_token_over_a_long_line(folder: Path, rate: str) -> None:
    """200 ms."""
    sandbox = small_service(secrets=ROWS)
    by_token = live(folder / "token", sandbox, limits(rate), there_s=0.2, back_s=0.0)
    sandbox = small_service(secrets=ROWS)
    by_keys = live(folder / "keys", sandbox, limits(rate), login=keys_of(sandbox), there_s=0.2, back_s=0.0)
    assert by_token.took_s / by_keys.took_s >= 0.95


def test_access_keys_use_the_slots_over_a_thousand_projects(folder: Path) -> None:
    """Three rows in each. No login can be quicker than 32 slots allow, so a token is not either."""
    sandbox = small_service(secrets=3 * 1_000, projects=1_000)
    day = live(folder, sandbox, limits("10/s"), login=keys_of(sandbox))
    ideal_s = len(day.puts) * EXCHANGE_S / 32
    assert ideal_s / day.took_s >= 0.9


def nowhere(endpoint: str) -> NoReturn:
    raise AssertionError(f"{endpoint} is not needed to sign")


def keys_of(sandbox: Sandbox) -> KeyLogin:
    """A login by the sandbox's own access key."""
    pair = sandbox.directory.access_key
    keys = AccessKeys(ak=Masked(pair.ak), sk=Masked(pair.sk))

    async def fetch() -> AccessKeys | Fault:
        return keys

    description = Description(kind=Auth.AKSK, provider="test", source="test")
    return KeyLogin(fetch, description, connect=nowhere, environment={}, held=keys, utc=lambda: 1_800_000_000.0)
