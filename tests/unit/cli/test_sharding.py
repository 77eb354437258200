import pytest

from batch.cli.sharding import without_lease


@pytest.mark.parametrize(("ended", "code"), [(0, 4), (1, 4), (3, 4), (4, 4), (70, 70), (74, 74), (143, 143)])
def test_a_shard_whose_end_the_folder_does_not_know_is_not_over(ended: int, code: int) -> None:
    assert without_lease(ended) == code
