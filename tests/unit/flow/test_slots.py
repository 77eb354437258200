"""Who may have a request in flight: shares of the run's slots, and turns of a key that is not proven."""

import asyncio

import pytest

from batch.flow.slots import ScopeSlots, Slots, Turns
from tests.unit.flow.keys import Key
from tests.virtual import run_virtual


async def _settle() -> None:
    """Lets everything that may continue do so."""
    for _ in range(20):
        await asyncio.sleep(0)


async def _acquire(scope: ScopeSlots, count: int = 1, *, silent: bool = False) -> list[asyncio.Task[None]]:
    """So many requests of a scope that want a slot, after all have had the chance to get one."""
    tasks = [asyncio.create_task(scope.acquire(silent=silent)) for _ in range(count)]
    await _settle()
    return tasks


def got(tasks: list[asyncio.Task[None]]) -> list[bool]:
    return [task.done() and not task.cancelled() for task in tasks]


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize(("limit", "scopes", "share"), [(32, 1, 32), (32, 2, 16), (32, 10, 3), (4, 10, 1), (1, 1, 1)])
def test_each_scope_has_an_equal_share_of_the_slots_and_one_at_least(limit: int, scopes: int, share: int) -> None:
    async def scenario() -> None:
        slots = Slots(limit)
        one, *_others = [Key().scope(slots) for _ in range(scopes)]
        for _ in range(share):
            assert not one.full(1_000)
            await one.acquire(silent=False)
        assert one.full(1_000)
        assert (one.in_flight, slots.taken) == (share, share)

    run_virtual(scenario())


def test_a_scope_that_may_have_fewer_in_flight_is_full_before_its_share_is_used_up() -> None:
    async def scenario() -> None:
        one = Key().scope(Slots(32))
        await one.acquire(silent=False)
        await one.acquire(silent=False)
        assert not one.full(3)
        assert one.full(2)

    run_virtual(scenario())


def test_when_a_scope_ends_the_shares_of_the_others_grow() -> None:
    async def scenario() -> None:
        slots = Slots(12)
        one, other, another = Key().scope(slots), Key().scope(slots), Key().scope(slots)
        for _ in range(4):
            await one.acquire(silent=False)
        assert one.full(32)
        another.leave()
        for _ in range(2):
            assert not one.full(32)
            await one.acquire(silent=False)
        assert one.full(32)
        other.leave()
        for _ in range(6):
            assert not one.full(32)
            await one.acquire(silent=False)
        assert one.full(32)

    run_virtual(scenario())


def test_scopes_from_which_nothing_is_heard_hold_half_of_the_slots_together_at_most() -> None:
    async def scenario() -> None:
        slots = Slots(8)
        silent = [Key().scope(slots) for _ in range(3)]
        heard = Key().scope(slots)
        tasks = [task for scope in silent for task in await _acquire(scope, 2, silent=True)]
        assert sum(got(tasks)) == 4
        assert got(await _acquire(heard, 4)) == [True] * 4
        silent[0].release()
        await _settle()
        assert sum(got(tasks)) == 5
        await _cancel(tasks)

    run_virtual(scenario())


def test_one_slot_is_left_to_the_silent_ones_where_there_is_only_one() -> None:
    async def scenario() -> None:
        slots = Slots(1)
        one, _other = Key().scope(slots), Key().scope(slots)
        assert got(await _acquire(one, silent=True)) == [True]

    run_virtual(scenario())


def test_a_scope_that_is_alone_may_hold_all_slots_also_in_silence() -> None:
    async def scenario() -> None:
        one = Key().scope(Slots(8))
        tasks = await _acquire(one, 9, silent=True)
        assert got(tasks) == [True] * 8 + [False]
        await _cancel(tasks)

    run_virtual(scenario())


def test_slots_taken_in_silence_are_given_back_as_such_and_only_those() -> None:
    async def scenario() -> None:
        slots = Slots(4)
        one, _other = Key().scope(slots), Key().scope(slots)
        for _ in range(3):
            await one.acquire(silent=True)
            await one.acquire(silent=False)
            one.release()
            one.release()
        assert (slots.free._value, slots.for_silent._value) == (4, 2)
        assert (one.in_flight, slots.taken) == (0, 0)

    run_virtual(scenario())


def test_the_one_that_waited_longest_for_a_slot_gets_the_next_one() -> None:
    async def scenario() -> None:
        slots = Slots(1)
        one, other = Key().scope(slots), Key().scope(slots)
        await one.acquire(silent=False)
        first, second = await _acquire(other), await _acquire(one)
        one.release()
        await _settle()
        assert got(first + second) == [True, False]
        await _cancel(second)

    run_virtual(scenario())


def test_of_two_scopes_one_that_is_silent_holds_half_and_of_an_odd_number_the_smaller_one() -> None:
    async def scenario() -> None:
        slots = Slots(5)
        silent, _heard = Key().scope(slots), Key().scope(slots)
        tasks = await _acquire(silent, 4, silent=True)
        assert got(tasks) == [True, True, False, False]
        await _cancel(tasks)

    run_virtual(scenario())


@pytest.mark.parametrize("silent", [False, True])
def test_who_is_cancelled_while_waiting_for_a_slot_leaves_nothing_taken(*, silent: bool) -> None:
    async def scenario() -> None:
        slots, turns, key = Slots(2), Turns(), Key()
        one, other = key.scope(slots, turns), Key().scope(slots)
        for scope in (one, other):
            await scope.acquire(silent=False)
        waiting = await _acquire(one, 3, silent=silent)
        assert got(waiting) == [False] * 3
        await _cancel(waiting)
        one.release()
        other.release()
        assert (slots.free._value, slots.for_silent._value, slots.taken) == (2, 1, 0)
        # Nor a turn: a key that is not proven any more could not be tried otherwise.
        key.proven = False
        assert got(await _acquire(one)) == [True]

    run_virtual(scenario())


def test_of_a_key_that_is_not_proven_one_request_is_in_flight_over_all_scopes() -> None:
    async def scenario() -> None:
        slots, turns, key = Slots(32), Turns(), Key(proven=False)
        one, other = key.scope(slots, turns), key.scope(slots, turns)
        assert not one.full(32)
        tasks = await _acquire(one) + await _acquire(other, 2)
        assert got(tasks) == [True, False, False]
        assert one.full(32)
        assert slots.taken == 1
        one.release()
        await _settle()
        assert got(tasks) == [True, True, False]
        await _cancel(tasks)

    run_virtual(scenario())


def test_a_proof_lets_all_who_wait_for_the_key_out_one_after_another() -> None:
    async def scenario() -> None:
        slots, turns, key = Slots(32), Turns(), Key(proven=False)
        scopes = [key.scope(slots, turns) for _ in range(5)]
        tasks = [task for scope in scopes for task in await _acquire(scope, 2)]
        key.proven = True
        scopes[0].release()
        await _settle()
        assert got(tasks) == [True] * 10

    run_virtual(scenario())


def test_after_a_refusal_the_key_is_tried_by_one_again_when_all_others_have_ended() -> None:
    async def scenario() -> None:
        slots, turns, key = Slots(32), Turns(), Key()
        one = key.scope(slots, turns)
        for _ in range(3):
            await one.acquire(silent=False)
        key.proven = False
        assert one.full(32)
        tasks = await _acquire(one, 2)
        for left in (2, 1):
            one.release()
            await _settle()
            assert (one.in_flight, got(tasks)) == (left, [False, False])
        one.release()
        await _settle()
        assert got(tasks) == [True, False]
        await _cancel(tasks)

    run_virtual(scenario())


def test_other_keys_have_turns_of_their_own() -> None:
    async def scenario() -> None:
        slots = Slots(32)
        scopes = [Key(proven=False).scope(slots) for _ in range(3)]
        assert got([task for scope in scopes for task in await _acquire(scope)]) == [True] * 3

    run_virtual(scenario())


def test_one_that_is_cancelled_while_waiting_for_a_turn_holds_up_no_other() -> None:
    async def scenario() -> None:
        turns, key = Turns(), Key(proven=False).credential
        await turns.acquire(key)
        waiting = [asyncio.create_task(turns.acquire(key)) for _ in range(3)]
        await _settle()
        waiting[0].cancel()
        turns.release()
        await _settle()
        assert got(waiting) == [False, True, False]
        turns.release()
        await _settle()
        assert got(waiting) == [False, True, True]

    run_virtual(scenario())


def test_a_turn_that_was_given_to_one_who_is_cancelled_in_that_moment_goes_to_the_next() -> None:
    async def scenario() -> None:
        turns, key = Turns(), Key(proven=False).credential
        await turns.acquire(key)
        waiting = [asyncio.create_task(turns.acquire(key)) for _ in range(2)]
        await _settle()
        turns.release()
        waiting[0].cancel()
        await _settle()
        assert got(waiting) == [False, True]

    run_virtual(scenario())
