"""Which jobs, rates and endpoints are refused, and how they are reported."""

import math
import re
import shlex
from typing import Any

import msgspec
import pytest

from jobs.delimiter import Delimiter
from jobs.endpoint import parse_endpoint
from jobs.job_facts import changed_options, differences, job_facts, options_of, unselecting, with_changes
from jobs.rate import Rate
from jobs.spec import FailureLimit, JobSpec, Limits, SpecError


@pytest.mark.parametrize(
    ("text", "per_s", "shown"),
    [
        ("10/s", 10.0, "10/s"),
        ("300/m", 5.0, "300/m"),
        ("200/5m", 200 / 300, "200/5m"),
        ("0.5/s", 0.5, "0.5/s"),
        ("60/60s", 1.0, "60/m"),
        ("3600/h", 1.0, "3600/h"),
        (" 20/s ", 20.0, "20/s"),
        ("unlimited", float("inf"), "unlimited"),
    ],
)
def test_a_rate_is_read_and_shown_as_people_write_it(text: str, per_s: float, shown: str) -> None:
    rate = Rate.parse(text)
    assert rate.per_s == pytest.approx(per_s)
    assert str(rate) == shown
    assert Rate.parse(shown) == rate


@pytest.mark.parametrize("text", ["", "10", "0/s", "10/0s", "-1/s", "1e3/s", "10/d", "10 /s", "١٠/s", "nan/s", "inf/s"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a rate"):
        Rate.parse(text)


@pytest.mark.parametrize(
    ("text", "character"),
    [
        ("comma", ","),
        ("Semicolon", ";"),
        (" tab ", "\t"),
        ("pipe", "|"),
        (";", ";"),
        ("\t", "\t"),
        (r"\t", "\t"),
        ("|", "|"),
    ],
)
def test_a_delimiter_is_named_or_given_as_itself(text: str, character: str) -> None:
    found = Delimiter.parse(text)
    assert found.character == character
    assert Delimiter.parse(str(found)) is found
    told = options_of(job_facts(JobSpec(delimiter=found)))
    assert told == ("--delimiter", found.value)


def test_what_a_session_changed_is_read_back_from_its_words() -> None:
    """Times are written as people write them there."""
    job = JobSpec()
    limits = msgspec.structs.replace(job.limits, timeout_s=90.0, concurrency=3, rate=Rate(5.0))
    now = msgspec.structs.replace(job, limits=limits)
    assert with_changes(job_facts(job), shlex.join(changed_options(now, job))) == job_facts(now)


def test_an_option_that_is_repeated_is_told_with_each_of_its_values() -> None:
    spec = JobSpec(only=("a*", "b"), exclude=("c",), limit=5)
    facts = job_facts(spec)
    assert options_of(facts) == ("--only", "a*", "--only", "b", "--exclude", "c", "--limit", "5")
    assert options_of(unselecting(facts)) == ()
    assert tuple(map(str, differences(spec, JobSpec(only=("a*",), exclude=("c",))))) == (
        "--only a*, the job's is a* b",
        "--limit not given, the job's is 5",
    )
    assert str(differences(JobSpec(), JobSpec(only=("a*",)))[0]) == "--only a*, the job's is not given"


@pytest.mark.parametrize("text", ["", "x", ":", ",;", "space", "\n", '"'])
def test_what_no_export_has_between_its_fields_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a delimiter: write comma, semicolon, tab, pipe"):
        Delimiter.parse(text)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("https://kms.cn-north-4.myhuaweicloud.com", "https://kms.cn-north-4.myhuaweicloud.com"),
        ("https://KMS.Example.COM:8443/", "https://kms.example.com:8443"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("http://localhost:1", "http://localhost:1"),
    ],
)
def test_an_endpoint_is_scheme_host_and_port(text: str, normal: str) -> None:
    assert parse_endpoint(text) == normal
    assert JobSpec(endpoint=text).endpoint == normal


@pytest.mark.parametrize(
    "text",
    [
        "kms.example.com",
        "ftp://kms.example.com",
        "http://kms.example.com",
        "http://127.0.0.1.example.com",
        "http://10.0.0.1",
        "https://user:pw@kms.example.com",
        "https://kms.example.com/v1",
        "https://kms.example.com?x=1",
        "https://kms.example.com#x",
        "https://kms.example.com:99999",
        "https://",
    ],
)
def test_an_endpoint_with_anything_else_or_plain_http_to_another_machine_is_refused(text: str) -> None:
    with pytest.raises(SpecError, match="--endpoint"):
        JobSpec(endpoint=text)


@pytest.mark.parametrize("text", ["https://u:canary@h", "u:canary@h", "https://h:canary", "http:u:canary@h"])
def test_an_endpoint_that_may_hold_a_password_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(SpecError) as refused:
        JobSpec(endpoint=text)
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "limit"),
    [("5", FailureLimit(count=5)), ("0", FailureLimit(count=0)), ("2.5%", FailureLimit(percent=2.5))],
)
def test_a_failure_limit_is_a_count_or_a_percentage(text: str, limit: FailureLimit) -> None:
    assert FailureLimit.parse(text) == limit
    assert str(limit) == text


@pytest.mark.parametrize("text", ["", "-1", "101%", "x", "5 %", "1.5"])
def test_what_is_no_failure_limit_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="neither"):
        FailureLimit.parse(text)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("burst", 0),
        ("concurrency", 0),
        ("max_attempts", 0),
        ("timeout_s", 0.5),
        ("grace_s", -1),
        ("timeout_s", math.nan),
    ],
)
def test_a_limit_out_of_range_is_refused(field: str, value: float) -> None:
    with pytest.raises(SpecError, match="too small"):
        Limits(**{field: value})  # type: ignore[arg-type] # a table over fields of several types


@pytest.mark.parametrize("field", ["timeout_s", "max_outage_s", "max_duration_s", "grace_s", "concurrency", "burst"])
def test_a_limit_without_an_end_is_refused_rather_than_stored(field: str) -> None:
    with pytest.raises(SpecError, match="too large"):
        Limits(**{field: math.inf})  # type: ignore[arg-type] # a table over fields of several types


@pytest.mark.parametrize("region", ["nowhere-9", "http://evil", ""])
def test_a_region_that_no_table_knows_is_refused_unless_an_endpoint_is_given(region: str) -> None:
    with pytest.raises(SpecError, match="--region"):
        JobSpec(region=region)
    assert JobSpec(region=region, endpoint="https://kms.example.com").region == region


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"key_pattern": "("}, "--key-pattern: not a regular expression"),
        ({"project_pattern": "[z-a]"}, "--project-pattern: not a regular expression"),
        ({"project_id": "p"}, "--project-id: 'p' is not 32 hexadecimal digits in lower case"),
        ({"project_id": ""}, "--project-id: is empty"),
        ({"region": "cn-north4"}, "--region: unknown region 'cn-north4'; did you mean cn-north-4"),
    ],
)
def test_a_job_that_no_row_could_be_judged_by_is_refused(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(SpecError, match=re.escape(reason)):
        JobSpec(**options)
