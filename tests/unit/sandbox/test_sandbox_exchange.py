import math
from typing import Any

import pytest

from batch.sandbox import faults
from batch.sandbox.exchange import Act
from batch.sandbox.faults import Delivery, InjectedFault
from batch.sandbox.quota import ProjectQuota, QuotaRate
from batch.sandbox.wire import Request
from tests.kit.faults import canned, refusing, slow
from tests.kit.records import Record, records_of
from tests.kit.scripts import Numbers, Outage
from tests.unit.sandbox.asking import Desk, json_of, small_sandbox


def desk_with(*plan: InjectedFault, **more: Any) -> Desk:
    """The first requests meet these faults, one each."""
    return Desk(small_sandbox(faults=Numbers(dict(enumerate(plan, 1))), **more))


def send(desk: Desk, request: Request, now_s: float = 0.0) -> Act:
    exchange = desk.sandbox.exchange
    act = exchange.arrive(request, now_s)
    exchange.leave(act, now_s, whole=act.delivery is Delivery.WHOLE)
    return act


def last(desk: Desk) -> Record:
    return records_of(desk.sandbox.journal)[-1]


def test_without_a_fault_the_services_answer_goes_out_whole_and_is_recorded(desk: Desk) -> None:
    act = send(desk, desk.move(), 1.5)
    assert act.answer is not None
    assert (act.delivery, act.answer.status) == (Delivery.WHOLE, 200)
    assert last(desk) == Record(
        n=1,
        at_s=1.5,
        ended_s=1.5,
        open=1,
        method="PUT",
        target=f"/v1/{desk.project.id}/secrets/{desk.name}",
        project_id=desk.project.id,
        secret_name=desk.name,
        kms_key_id=desk.keys.new,
        applied=True,
        fault=None,
        lands_at_s=None,
        landed_s=None,
        status=200,
        answered_whole=True,
        request_id=act.answer.request_id,
    )


@pytest.mark.parametrize("applied", [True, False])
@pytest.mark.parametrize(
    ("make", "delivery", "status"),
    [
        (lambda applied: faults.gateway_error(504, applied=applied), Delivery.WHOLE, 504),
        (lambda applied: faults.page(502, applied=applied), Delivery.WHOLE, 502),
        (lambda applied: faults.page(200, applied=applied), Delivery.WHOLE, 200),
        (lambda applied: faults.reset(applied=applied), Delivery.RESET, None),
        (lambda applied: faults.silence(applied=applied), Delivery.SILENCE, None),
        (lambda applied: canned(302, b"", applied=applied), Delivery.WHOLE, 302),
    ],
)
def test_what_the_client_sees_and_what_was_done_are_independent(
    make: Any, delivery: Delivery, status: int | None, *, applied: bool
) -> None:
    desk = desk_with(make(applied))
    act = send(desk, desk.move())
    record = last(desk)
    assert (act.delivery, record.status, record.applied) == (delivery, status, applied)
    assert desk.key_of() == (desk.keys.new if applied else desk.keys.old)


@pytest.mark.parametrize(("applied", "status"), [(True, 200), (False, 500)])
def test_a_cut_answer_is_the_true_one_or_an_error(*, applied: bool, status: int) -> None:
    desk = desk_with(faults.cut(applied=applied))
    act = send(desk, desk.move())
    assert act.answer is not None
    assert (act.delivery, act.answer.status) == (Delivery.CUT, status)
    assert (last(desk).status, last(desk).answered_whole, last(desk).applied) == (status, False, applied)


def test_a_fault_cannot_apply_what_the_service_refuses() -> None:
    desk = desk_with(faults.gateway_error(504, applied=True))
    send(desk, desk.move("no-such-secret"))
    assert (last(desk).status, last(desk).applied) == (504, False)


def test_a_dropped_request_is_neither_done_nor_counted_in_the_quota() -> None:
    desk = desk_with(faults.drop(), quota=ProjectQuota(QuotaRate(limit=1, window_s=60)))
    act = send(desk, desk.move())
    assert (act.delivery, act.answer, desk.key_of()) == (Delivery.DROP, None, desk.keys.old)
    assert (last(desk).status, last(desk).fault, last(desk).request_id) == (None, "drop", None)
    send(desk, desk.move())
    assert last(desk).status == 200


def test_what_the_gateway_turns_away_is_answered_so_whatever_the_fault() -> None:
    desk = desk_with(
        faults.gateway_error(504, applied=True, lands_after_s=1.0),
        faults.gateway_error(504, applied=True),
        faults.page(502),
        quota=ProjectQuota(QuotaRate(limit=1, window_s=60)),
    )
    nobody = desk.request("PUT /v1/{p}/secrets/{s}", {"kms_key_id": desk.keys.new}, headers={})
    assert [send(desk, nobody).lands_at_s, last(desk).status, last(desk).applied] == [None, 401, False]
    send(desk, desk.move())
    assert (last(desk).status, last(desk).applied) == (504, True)
    send(desk, desk.move())
    assert last(desk).status == 429


def test_a_late_update_lands_in_its_time_and_overtakes_what_came_between() -> None:
    desk = desk_with(faults.gateway_error(504, lands_after_s=10.0))
    act = send(desk, desk.move(), 5.0)
    assert (act.lands_at_s, last(desk).applied) == (15.0, False)
    back = desk.request("PUT /v1/{p}/secrets/{s}", {"kms_key_id": desk.keys.old, "description": "back"})
    send(desk, back, 14.9)
    assert desk.key_of() == desk.keys.old
    send(desk, desk.request("GET /v1/{p}/secrets/{s}"), 15.0)
    assert desk.key_of() == desk.keys.new
    first = records_of(desk.sandbox.journal)[0]
    assert (first.lands_at_s, first.landed_s, first.applied) == (15.0, 15.0, True)
    assert desk.project.secrets[desk.name].update_time == 1_800_000_015_000


def test_late_updates_land_in_the_order_they_are_due_also_without_a_request() -> None:
    desk = desk_with(faults.reset(applied=False, lands_after_s=9.0), faults.silence(applied=False, lands_after_s=4.0))
    send(desk, desk.request("PUT /v1/{p}/secrets/{s}", {"description": "due at 9"}))
    send(desk, desk.request("PUT /v1/{p}/secrets/{s}", {"description": "due at 4"}))
    desk.sandbox.exchange.settle(4.0)
    assert desk.project.secrets[desk.name].description == "due at 4"
    desk.sandbox.exchange.settle(math.inf)
    assert desk.project.secrets[desk.name].description == "due at 9"
    assert [record.landed_s for record in records_of(desk.sandbox.journal)] == [9.0, 4.0]


def test_a_late_update_that_is_no_longer_allowed_does_not_land() -> None:
    desk = desk_with(faults.gateway_error(504, lands_after_s=1.0))
    send(desk, desk.move())
    del desk.project.secrets[desk.name]
    desk.sandbox.exchange.settle(1.0)
    assert (last(desk).landed_s, last(desk).applied) == (1.0, False)


def test_all_tokens_end_at_the_request_it_was_planned_for() -> None:
    desk = Desk(small_sandbox(faults=Numbers({2: faults.tokens_end()})))
    for _ in range(3):
        send(desk, desk.move())
    assert [record.status for record in records_of(desk.sandbox.journal)] == [200, 401, 401]


def test_a_refusal_is_given_in_the_form_of_the_service_that_says_it() -> None:
    desk = desk_with(refusing("CSMS.0106", "gone", status=404), faults.gateway_error(429, retry_after="3"))
    refused, throttled = send(desk, desk.move()).answer, send(desk, desk.move()).answer
    assert refused is not None
    assert throttled is not None
    assert (refused.status, json_of(refused)["error_code"]) == (404, "CSMS.0106")
    assert (throttled.status, dict(throttled.headers)["Retry-After"]) == (429, "3")
    assert desk.key_of() == desk.keys.old


def test_a_page_of_a_proxy_is_html_and_nothing_else() -> None:
    desk = desk_with(faults.page(502))
    answer = send(desk, desk.move()).answer
    assert answer is not None
    assert [value for name, value in answer.headers if name == "Content-Type"] == ["text/html"]
    assert answer.body.startswith(b"<html>")


def test_a_slow_answer_is_the_services_own() -> None:
    desk = desk_with(slow(2.5))
    act = send(desk, desk.move())
    assert (act.delay_s, last(desk).status, last(desk).applied) == (2.5, 200, True)


def test_an_outage_spares_what_comes_after_it() -> None:
    desk = Desk(small_sandbox(faults=Outage(1.0, 2.0, faults.gateway_error(503))))
    for at in (0.5, 1.5, 2.0):
        send(desk, desk.move(), at)
    assert [record.status for record in records_of(desk.sandbox.journal)] == [200, 503, 200]


def test_a_path_that_is_not_served_is_recorded_too(desk: Desk) -> None:
    send(desk, desk.request("DELETE /x"))
    assert (last(desk).status, last(desk).project_id, last(desk).target) == (404, None, "/x")
