from pathlib import Path

import pytest

from tests.mutants.copying import code_lines, prepare, with_constants

TEXT = '''"""A module."""

_MOST = 3
_SLOW_S = 0.5
NAMES = ("a", "b")


def first(n: int) -> bool:
    """Whether there are more than _MOST."""
    return n > _MOST  # as _MOST says


class Second:
    _MOST_OF_ALL = 7

    async def third(self) -> float:
        return (
            _SLOW_S
            * len(NAMES)
        )
'''


def test_numbers_stand_in_place_of_constants_in_functions_and_nowhere_else() -> None:
    changed = with_constants(TEXT)
    assert changed == TEXT.replace("n > _MOST", "n > 3").replace("            _SLOW_S", "            0.5")


def test_only_code_of_functions_can_be_in_a_sample() -> None:
    assert code_lines(TEXT) == [10, 17, 18, 19, 20]


@pytest.mark.parametrize("lines", [0, 2, 5, 99, None])
def test_all_lines_outside_the_sample_are_marked_and_the_same_seed_marks_the_same(
    tmp_path: Path, lines: int | None
) -> None:
    made = []
    for name in ("a", "b"):
        path = tmp_path / name
        path.write_text(TEXT)
        chosen = prepare([path], lines=lines, seed=5)
        made.append(path.read_text())
        assert chosen == (5 if lines is None else min(lines, 5))
        assert made[-1].count("# pragma: no mutate\n") == 5 - chosen
        compile(made[-1], name, "exec")
    assert made[0] == made[1]
