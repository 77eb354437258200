"""Which shard works on which rate key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.shard import RateKey, Shard, keys_of

WEIGHTS = st.lists(st.integers(0, 5_000), max_size=60)


def keys(weights: list[int]) -> list[RateKey]:
    return [RateKey(number=number, weight=weight) for number, weight in enumerate(weights, 1)]


def loads(weights: list[int], count: int) -> list[int]:
    return [
        sum(max(weights[number - 1], 1) for number in keys_of(Shard(index, count), keys(weights)))
        for index in range(count)
    ]


@pytest.mark.parametrize(("text", "shard"), [("0/1", Shard(0, 1)), (" 7/8 ", Shard(7, 8)), ("07/010", Shard(7, 10))])
def test_a_shard_is_written_as_its_number_and_how_many_there_are(text: str, shard: Shard) -> None:
    assert Shard.parse(text) == shard
    assert Shard.parse(str(shard)) == shard


@pytest.mark.parametrize("text", ["", "3", "8/8", "1/0", "0/0", "-1/4", "1/4/2", "a/b", "1/ 4", "1.0/4"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="part"):
        Shard.parse(text)


@given(WEIGHTS, st.integers(1, 12))
def test_every_rate_key_belongs_to_exactly_one_shard(weights: list[int], count: int) -> None:
    found = sorted(number for index in range(count) for number in keys_of(Shard(index, count), keys(weights)))
    assert found == list(range(1, len(weights) + 1))


@given(WEIGHTS, st.integers(1, 12))
def test_no_shard_has_more_than_its_share_and_one_rate_key(weights: list[int], count: int) -> None:
    total, longest = sum(max(one, 1) for one in weights), max((*weights, 1))
    assert max(loads(weights, count)) <= total / count + longest


@given(WEIGHTS, st.integers(1, 12), st.randoms(use_true_random=False))
def test_the_order_in_which_rate_keys_are_counted_changes_nothing(
    weights: list[int], count: int, chance: object
) -> None:
    mixed = keys(weights)
    chance.shuffle(mixed)  # type: ignore[attr-defined]  # hypothesis gives its own Random
    assert keys_of(Shard(0, count), mixed) == keys_of(Shard(0, count), keys(weights))


def test_shares_of_a_few_projects_counted_by_hand() -> None:
    # 900 to the first; 500 and then 400 to the second; 300 to the first, as both have 900 and it comes first.
    assert loads([500, 900, 300, 400], 2) == [1_200, 900]
    assert keys_of(Shard(0, 2), keys([500, 900, 300, 400])) == {2, 3}
