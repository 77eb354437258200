"""Numbers that are written as text: whatever an option takes reads back as itself from every place that shows it."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jobs.duration import parse_duration, plain_number
from jobs.job_facts import job_facts, options_of
from jobs.options import options_in, spelled
from jobs.rate import Rate
from jobs.spec import FailureLimit, JobSpec, Limits, SpecError

RATES = st.from_regex(r"[0-9]{1,7}(\.[0-9]{1,3})?/[0-9]{0,5}[smh]", fullmatch=True)
PERCENTAGES = st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,20})?%", fullmatch=True)
NUMBERS = st.floats(min_value=0, max_value=1e9)
SECONDS = [one for one in options_in(Limits) if one.kind is float]


def parsed(parse: Callable[[str], Any], text: str) -> Any:
    """What an option makes of a text; None where it refuses it."""
    try:
        return parse(text)
    except ValueError:
        return None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("1000000/s", "1000000/s"),
        ("9999999/h", "9999999/h"),
        ("1000000/m", "1000000/m"),
        ("999999.6/5m", "999999.6/5m"),
        ("123456.7/s", "123456.7/s"),
        ("0.001/99999h", "0.001/99999h"),
        ("9999999.999/s", "9999999.999/s"),
    ],
)
def test_a_large_or_a_small_rate_is_shown_as_it_was_written(text: str, shown: str) -> None:
    assert str(Rate.parse(text)) == shown


@given(RATES)
@example("1000000/s")
def test_every_rate_that_is_accepted_reads_back_as_itself(text: str) -> None:
    rate = parsed(Rate.parse, text)
    assert rate is None or Rate.parse(str(rate)) == rate


@given(PERCENTAGES)
@example("0.0000123%")
@example("99.1234567%")
def test_every_share_of_failures_that_is_accepted_reads_back_as_itself(text: str) -> None:
    limit = parsed(FailureLimit.parse, text)
    assert limit is None or FailureLimit.parse(str(limit)) == limit


@given(NUMBERS)
@example(1e6)
@example(1234567.5)
@example(5e-324)
def test_every_number_of_an_option_reads_back_as_itself_and_has_no_exponent(value: float) -> None:
    shown = plain_number(value)
    assert float(shown) == value
    assert set(shown) <= set("0123456789.")


@given(rate=RATES, timeout_s=NUMBERS, share=PERCENTAGES)
@example(rate="1000000/s", timeout_s=86400.5, share="12.3456789%")
def test_the_command_line_that_a_job_names_asks_for_the_same_job(rate: str, timeout_s: float, share: str) -> None:
    given_rate, given_share = parsed(Rate.parse, rate), parsed(FailureLimit.parse, share)
    if given_rate is None or given_share is None or timeout_s < 1:
        return
    limits = Limits(rate=given_rate, timeout_s=timeout_s, max_duration_s=timeout_s, max_failures=given_share)
    words = dict(zip(*[iter(options_of(job_facts(JobSpec(limits=limits))))] * 2, strict=True))
    assert Rate.parse(words.get("--rate", "10/s")) == given_rate
    assert parse_duration(words["--max-duration"]) == timeout_s
    assert FailureLimit.parse(words["--max-failures"]) == given_share


@given(rate=RATES)
def test_a_ledger_gives_back_the_rate_that_it_was_given(rate: str) -> None:
    limits = Limits(rate=parsed(Rate.parse, rate) or Rate(1.0))
    assert msgspec.json.decode(msgspec.json.encode(limits), type=Limits) == limits


@pytest.mark.parametrize("one", SECONDS, ids=lambda one: one.name)
@pytest.mark.parametrize("value", [1e9 + 1, 1e300, float("inf"), float("nan"), -1.0])
def test_a_number_out_of_range_is_named_without_an_exponent(one: Any, value: float) -> None:
    with pytest.raises(
        SpecError, match=f"--{spelled(one.name)}: [^+]+ is too (small|large), the (least|most) is [0-9dhms]+$"
    ):
        msgspec.structs.replace(Limits(), **{one.name: value})


@pytest.mark.parametrize("requests", [-1.0, 1e300, 1e7, float("nan"), float("inf")])
@pytest.mark.parametrize("period_s", [1.0, 0.0])
def test_a_rate_that_could_not_be_written_is_no_rate(requests: float, period_s: float) -> None:
    with pytest.raises(ValueError, match="is not a rate"):
        Rate(requests, period_s)
