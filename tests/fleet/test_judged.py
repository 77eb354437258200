"""The judgement of fleets finds what it is for."""

import itertools

import msgspec

from tests.fleet.judged import sent_twice
from tests.fleet.pace import busiest_second, too_fast
from tests.kit.records import Record

_NUMBERS = itertools.count()


def record(at_s: float, name: str, *, project: str = "p", method: str = "PUT") -> Record:
    return Record(
        n=next(_NUMBERS),
        at_s=at_s,
        ended_s=at_s,
        open=1,
        method=method,
        target="",
        project_id=project,
        secret_name=name,
        kms_key_id=None,
        applied=True,
        fault=None,
        lands_at_s=None,
        landed_s=None,
        status=200,
        answered_whole=True,
        request_id=None,
    )


def paced(name: str, *, from_s: float, count: int, project: str = "p") -> list[Record]:
    return [record(from_s + number / 10, f"{name}{number}", project=project) for number in range(count)]


def test_two_owners_that_send_at_once_are_too_fast() -> None:
    assert too_fast(paced("a", from_s=0.0, count=30), rate=10) == []
    both = paced("a", from_s=0.0, count=30) + paced("b", from_s=2.55, count=30)
    assert too_fast(both, rate=10) == ["15 requests in 1 s in project p"]


def test_projects_have_a_rate_each() -> None:
    both = paced("a", from_s=0.0, count=30) + paced("b", from_s=0.0, count=30, project="q")
    assert too_fast(both, rate=10) == []


def test_who_sends_in_time_to_a_service_that_reads_late_is_not_too_fast() -> None:
    sent = paced("a", from_s=0.05, count=30)
    # The clocks differ; and the service stands still for a while, and then reads what has come meanwhile.
    sent_s = {(one.project_id, one.secret_name): one.at_s + 7.0 for one in sent}
    read = [msgspec.structs.replace(one, at_s=1.2 if 1.0 <= one.at_s < 1.2 else one.at_s) for one in sent]
    assert too_fast(read, rate=10) == ["12 requests in 1 s in project p"]
    assert too_fast(read, rate=10, sent_s=sent_s) == []
    assert busiest_second(read) == 12
    assert busiest_second(read, sent_s) <= 11
    other = paced("b", from_s=1.22, count=10)
    assert too_fast(read + other, rate=10, sent_s=sent_s) != []


def test_only_a_change_that_is_sent_again_counts_as_sent_twice() -> None:
    first = record(0.0, "a")
    assert sent_twice([first, record(1.0, "a", method="GET"), record(1.0, "a", project="q")]) == 0
    assert sent_twice([first, record(1.0, "a"), record(2.0, "a")]) == 2
