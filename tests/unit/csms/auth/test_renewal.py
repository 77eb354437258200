"""One flight for all who wait, before the end and after a refusal, and none after a definite no."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
import pytest

from batch.csms.auth import CredentialError, NotAuthorizedError
from batch.csms.auth.renewal import Renewal
from batch.csms.faults import Fault, FaultKind
from batch.csms.messages import WireAnswer
from batch.redaction.masked import Masked
from tests.virtual import run_virtual

OK = WireAnswer(status=200, body=b"{}")
BAD_SIGNATURE = WireAnswer(
    status=401, body=b'{"error_code":"APIGW.0301","error_msg":"verify aksk signature fail","request_id":"1"}'
)
BAD_TOKEN = WireAnswer(status=401, body=b'{"error_code":"APIGW.0307","error_msg":"token expires","request_id":"1"}')
DOWN = Fault(kind=FaultKind.UNREACHABLE, code="unreachable", message="refused", maybe_applied=False)
NO = Fault(kind=FaultKind.CREDENTIAL, code="login", message="IAM refused", maybe_applied=False, http_status=401)


class Value(msgspec.Struct, frozen=True):
    name: str
    expires_s: float | None = None

    @property
    def secrets(self) -> tuple[Masked, ...]:
        return (Masked(self.name),)


class Source:
    """Gives out what it is asked to, one answer after another; the last one again and again."""

    def __init__(self, *answers: Value | Fault | Exception, takes_s: float = 0.5) -> None:
        self.answers = list(answers)
        self.takes_s = takes_s
        self.asked = 0

    async def fetch(self) -> Value | Fault:
        self.asked += 1
        await asyncio.sleep(self.takes_s)
        answer = self.answers[min(self.asked, len(self.answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer


def loop_time() -> float:
    return asyncio.get_running_loop().time()


def run(source: Source, scenario: Callable[[Renewal[Value]], Coroutine[Any, Any, None]], **more: Any) -> None:
    async def main() -> None:
        await scenario(Renewal(source.fetch, utc=loop_time, **more))

    run_virtual(main())


async def refused(renewal: Renewal[Value]) -> Fault:
    with pytest.raises(NotAuthorizedError) as caught:
        await renewal.get()
    assert caught.value.fault.maybe_applied is False
    return caught.value.fault


def test_all_who_need_the_first_value_wait_for_one_flight() -> None:
    source = Source(Value("a"))

    async def scenario(renewal: Renewal[Value]) -> None:
        got = await asyncio.gather(*(renewal.get() for _ in range(40)))
        assert {value.name for value in got} == {"a"}
        assert renewal.generation == 1

    run(source, scenario)
    assert source.asked == 1


def test_after_a_refusal_there_is_one_flight_for_a_generation_however_many_ask() -> None:
    source = Source(Value("a"), Value("b"))

    async def scenario(renewal: Renewal[Value]) -> None:
        await renewal.get()
        assert await asyncio.gather(*(renewal.renew(1) for _ in range(40))) == [True] * 40
        assert (await renewal.get()).name == "b"
        assert (renewal.generation, renewal.proven) == (2, False)
        assert await renewal.renew(1) is True, "somebody else has renewed already"

    run(source, scenario)
    assert source.asked == 2


def test_a_refusal_where_the_same_comes_back_says_that_there_is_no_other() -> None:
    source = Source(Value("a"))

    async def scenario(renewal: Renewal[Value]) -> None:
        await renewal.get()
        assert await asyncio.gather(*(renewal.renew(1) for _ in range(2))) == [False, False]
        assert await renewal.renew(1) is False
        assert renewal.generation == 1

    run(source, scenario)
    assert source.asked == 2, "the first value, and one look for another"


def test_what_nears_its_end_is_renewed_while_it_still_works_and_nothing_waits() -> None:
    source = Source(Value("a", 2_000.0), Value("b", 9_000.0), takes_s=5.0)

    async def scenario(renewal: Renewal[Value]) -> None:
        await renewal.get()
        await asyncio.sleep(1_800.0 - loop_time())
        assert (await renewal.get()).name == "a"
        await asyncio.sleep(1_901.0 - loop_time())
        for _ in range(3):
            before_s = loop_time()
            assert (await renewal.get()).name == "a"
            assert loop_time() - before_s < 0.001
        await asyncio.sleep(6.0)
        assert (await renewal.get()).name == "b"
        assert renewal.generation == 2

    run(source, scenario, margin_s=100.0)
    assert source.asked == 2


def test_of_a_short_life_the_last_fifth_is_the_margin() -> None:
    source = Source(Value("a", 1_010.5), Value("b", 1_100.0))

    async def scenario(renewal: Renewal[Value]) -> None:
        await renewal.get()
        await asyncio.sleep(7.5)
        await renewal.get()
        assert source.asked == 1
        await asyncio.sleep(1.0)
        await renewal.get()
        await asyncio.sleep(1.0)
        assert (await renewal.get()).name == "b"

    run(source, scenario, margin_s=900.0)


def test_while_renewing_fails_the_old_one_goes_on_until_its_end_and_then_says_so() -> None:
    source = Source(Value("a", 1_100.0), DOWN)

    async def scenario(renewal: Renewal[Value]) -> None:
        await renewal.get()
        await asyncio.sleep(1_090.0 - loop_time())
        assert (await renewal.get()).name == "a"
        await asyncio.sleep(1_101.0 - loop_time())
        assert (await refused(renewal)).kind is FaultKind.CREDENTIAL

    run(source, scenario, margin_s=20.0)


def test_a_reason_that_passes_is_waited_out() -> None:
    source = Source(DOWN, DOWN, Value("a"))

    async def scenario(renewal: Renewal[Value]) -> None:
        assert (await renewal.get()).name == "a"
        assert loop_time() == pytest.approx(1_000.0 + 3 * 0.5 + 1 + 2, abs=0.01)

    run(source, scenario)


def test_after_the_last_try_the_reason_is_told_and_it_may_be_tried_again() -> None:
    source = Source(*[DOWN] * 6, Value("a"), takes_s=0.0)

    async def scenario(renewal: Renewal[Value]) -> None:
        assert await refused(renewal) == msgspec.structs.replace(DOWN, withheld=True)
        assert (await renewal.get()).name == "a"

    run(source, scenario)


def test_a_definite_no_is_never_asked_for_again() -> None:
    source = Source(NO)

    async def scenario(renewal: Renewal[Value]) -> None:
        for _ in range(10):
            assert await refused(renewal) == msgspec.structs.replace(NO, withheld=True)
            assert await renewal.renew(0) is False

    run(source, scenario)
    assert source.asked == 1


def test_a_no_where_asking_is_harmless_is_asked_again_while_there_was_a_value_once() -> None:
    """A file may be empty for a moment while it is written anew, and a metadata service may start anew."""
    source = Source(Value("a"), NO, NO, Value("b"), takes_s=0.0)

    async def scenario(renewal: Renewal[Value]) -> None:
        await renewal.get()
        assert await renewal.renew(1) is True
        assert (await renewal.get()).name == "b"
        assert loop_time() == pytest.approx(1_000.0 + 1 + 2, abs=0.01)

    run(source, scenario, harmless=True)


def test_without_any_value_a_no_is_told_at_once() -> None:
    source = Source(NO, takes_s=0.0)

    async def scenario(renewal: Renewal[Value]) -> None:
        assert await refused(renewal) == msgspec.structs.replace(NO, withheld=True)
        assert loop_time() == pytest.approx(1_000.0, abs=0.01)

    run(source, scenario, harmless=True)
    assert source.asked == 1


@pytest.mark.parametrize(
    ("error", "message"),
    [(CredentialError("f: others may read it"), "f: others may read it"), (ValueError("canary"), "ValueError while")],
)
def test_an_error_on_the_way_is_a_refusal_that_shows_only_what_may_be_shown(error: Exception, message: str) -> None:
    source = Source(error)

    async def scenario(renewal: Renewal[Value]) -> None:
        fault = await refused(renewal)
        assert fault.message.startswith(message)
        assert "canary" not in fault.message

    run(source, scenario)


def test_after_one_wrong_signature_nothing_more_is_authorized_and_nothing_renewed() -> None:
    source = Source(Value("a"), Value("b"))

    async def scenario(renewal: Renewal[Value]) -> None:
        await renewal.get()
        renewal.observe(BAD_SIGNATURE, renewal.generation)
        assert (await refused(renewal)).kind is FaultKind.SIGNATURE
        assert await renewal.renew(1) is False

    run(source, scenario)
    assert source.asked == 1


@pytest.mark.parametrize(
    ("answer", "proven"),
    [
        (OK, True),
        (WireAnswer(status=403, body=b'{"error_code":"CSMS.0302","error_msg":"no"}'), True),
        (WireAnswer(status=400, body=b'{"error_code":"CSMS.0106","error_msg":"no such secret"}'), True),
        (BAD_TOKEN, False),
        (WireAnswer(status=502, body=b"<html>"), False),
        (WireAnswer(status=429, body=b'{"error_code":"APIG.0308","error_msg":"slow down"}'), False),
        (WireAnswer(status=301, body=b""), False),
        (DOWN, False),
    ],
)
def test_it_is_proven_by_an_answer_that_only_somebody_let_in_gets(answer: WireAnswer | Fault, *, proven: bool) -> None:
    async def scenario(renewal: Renewal[Value]) -> None:
        await renewal.get()
        renewal.observe(answer, renewal.generation)
        assert renewal.proven is proven

    run(Source(Value("a")), scenario)


def test_a_refusal_takes_the_proof_back_and_the_next_answer_that_is_let_in_gives_it_again() -> None:
    async def scenario(renewal: Renewal[Value]) -> None:
        await renewal.get()
        for answer, proven in ((OK, True), (BAD_TOKEN, False), (OK, True)):
            renewal.observe(answer, renewal.generation)
            assert renewal.proven is proven

    run(Source(Value("a")), scenario)


def test_a_late_refusal_of_the_one_before_says_nothing_of_this_one() -> None:
    async def scenario(renewal: Renewal[Value]) -> None:
        await renewal.get()
        assert await renewal.renew(1)
        renewal.observe(OK, 2)
        renewal.observe(BAD_TOKEN, 1)
        assert renewal.proven
        renewal.observe(BAD_TOKEN, 2)
        renewal.observe(OK, 1)
        assert not renewal.proven

    run(Source(Value("a"), Value("b")), scenario)


def test_one_that_was_let_in_once_and_is_refused_later_is_renewed_like_the_first() -> None:
    """However often: a token ends every day."""
    source = Source(*(Value(name) for name in "abcd"))

    async def scenario(renewal: Renewal[Value]) -> None:
        for generation in (1, 2, 3):
            await renewal.get()
            renewal.observe(OK, generation)
            renewal.observe(BAD_TOKEN, generation)
            assert await renewal.renew(generation)

    run(source, scenario)
    assert source.asked == 4


@pytest.mark.parametrize("locks", [True, False])
def test_a_new_one_that_is_refused_before_anything_was_let_in_with_it_is_the_end(*, locks: bool) -> None:
    source = Source(Value("a"), Value("b"), Value("c"))

    async def scenario(renewal: Renewal[Value]) -> None:
        await renewal.get()
        assert await renewal.renew(1)
        renewal.observe(BAD_TOKEN, 2)
        assert not await renewal.renew(2)

    run(source, scenario, locks=locks)
    assert source.asked == 2


def test_while_another_is_looked_for_nothing_leaves_with_the_refused_one() -> None:
    source = Source(Value("a"), Value("b"), takes_s=5.0)

    async def scenario(renewal: Renewal[Value]) -> None:
        await renewal.get()
        looking = asyncio.create_task(renewal.renew(1))
        await asyncio.sleep(1.0)
        assert (await renewal.get()).name == "b"
        assert await looking

    run(source, scenario)
    assert source.asked == 2


@pytest.mark.parametrize("locks", [True, False])
def test_where_there_is_no_other_a_token_may_still_serve_other_places_and_keys_may_not(*, locks: bool) -> None:
    async def scenario(renewal: Renewal[Value]) -> None:
        await renewal.get()
        renewal.observe(BAD_TOKEN, 1)
        assert not await renewal.renew(1)
        if locks:
            assert (await refused(renewal)).code == "APIGW.0307"
        else:
            assert (await renewal.get()).name == "a"

    run(Source(Value("a")), scenario, locks=locks, harmless=True)


def test_one_who_stops_waiting_does_not_stop_the_flight_of_the_others() -> None:
    async def scenario(renewal: Renewal[Value]) -> None:
        impatient, patient = asyncio.create_task(renewal.get()), asyncio.create_task(renewal.get())
        await asyncio.sleep(0.1)
        impatient.cancel()
        assert (await patient).name == "a"

    source = Source(Value("a"))
    run(source, scenario)
    assert source.asked == 1


def test_one_that_ended_unused_is_replaced_before_anything_leaves() -> None:
    """As the login that asks for an agency's keys once an hour, or any login after a long pause between two waves."""
    source = Source(Value("a", 1_100.0), Value("b", 9_000.0))

    async def scenario(renewal: Renewal[Value]) -> None:
        assert (await renewal.get()).name == "a"
        await asyncio.sleep(200)
        assert [value.name for value in await asyncio.gather(*(renewal.get() for _ in range(9)))] == ["b"] * 9
        assert source.asked == 2

    run(source, scenario, margin_s=30.0)


def test_one_that_ended_and_was_refused_for_good_before_is_not_asked_for_again() -> None:
    source = Source(Value("a", 1_100.0), NO)

    async def scenario(renewal: Renewal[Value]) -> None:
        await renewal.get()
        await asyncio.sleep(80)
        await renewal.get()
        await asyncio.sleep(200)
        assert "has ended" in (await refused(renewal)).message
        assert source.asked == 2

    run(source, scenario, margin_s=30.0)
