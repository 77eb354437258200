"""A time span is written as people write it, and what the program prints reads back as itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.duration import duration_text, parse_duration
from jobs.job_facts import job_facts, options_of
from jobs.options import options_in
from jobs.spec import FailureLimit, JobSpec, Limits


@pytest.mark.parametrize(
    ("text", "seconds", "shown"),
    [
        ("90", 90.0, "1m30s"),
        ("90s", 90.0, "1m30s"),
        ("0", 0.0, "0s"),
        ("0.5", 0.5, "0.5s"),
        ("600.0", 600.0, "10m"),
        ("1.5h", 5_400.0, "1h30m"),
        ("30m", 1_800.0, "30m"),
        ("4h", 14_400.0, "4h"),
        ("1h30m", 5_400.0, "1h30m"),
        ("250ms", 0.25, "0.25s"),
        ("1d12h", 129_600.0, "1d12h"),
        ("1m0.5s", 60.5, "60.5s"),
        (" 20s ", 20.0, "20s"),
    ],
)
def test_a_time_is_read_as_people_write_it(text: str, seconds: float, shown: str) -> None:
    assert parse_duration(text) == seconds
    assert duration_text(seconds) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "h",
        "-1",
        "-1s",
        "1e3",
        "nan",
        "inf",
        "1 h",
        "30m1h",
        "1h1h",
        "10min",
        "5x",
        "1,5h",
        ".5h",
        "١s",
        "1h30",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time: write 90s"):
        parse_duration(text)


@given(st.floats(min_value=0, max_value=1e9) | st.integers(min_value=0, max_value=10**9).map(float))
def test_a_time_that_was_printed_reads_back_as_itself(seconds: float) -> None:
    assert parse_duration(duration_text(seconds)) == seconds


@given(st.floats(min_value=0, max_value=100))
def test_a_percentage_that_was_printed_reads_back_as_itself(percent: float) -> None:
    assert FailureLimit.parse(str(FailureLimit(percent=percent))) == FailureLimit(percent=percent)


def test_the_command_line_that_repeats_a_job_names_its_times_as_people_write_them() -> None:
    spec = JobSpec(limits=Limits(max_outage_s=1_234_567.0, max_duration_s=14_400.0, timeout_s=2.5))
    words = options_of(job_facts(spec))
    assert words == ("--timeout", "2.5s", "--max-outage", "14d6h56m7s", "--max-duration", "4h")


def test_every_limit_in_seconds_is_read_as_a_time() -> None:
    times = {one.name for one in options_in(Limits) if one.parse is parse_duration}
    assert times == {name for name in Limits.__struct_fields__ if name.endswith("_s")}
