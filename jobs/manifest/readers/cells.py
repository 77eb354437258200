"""The shape in which readers hand over rows: one sequence of texts for each column the tool knows."""

from collections.abc import Sequence
from dataclasses import dataclass

from jobs.problem import Problem

WAVE = "wave"
"""The cells of the column that waves go by, whatever its user calls it."""

Column = Sequence[str | None]
"""The cells of one column; None is an absent value: a null of Parquet, an empty optional cell of a text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """Some rows, in order: `rows` has their numbers, each column is as long; an optional column that
    the file lacks is None. The last two are those of a key map, which has neither of the first two.
    """

    rows: Sequence[int]
    secret_name: Column = ()
    kms_key_id: Column = ()
    project_id: Column | None = None
    region: Column | None = None
    description: Column | None = None
    expected_kms_key_id: Column | None = None
    account: Column | None = None
    old_kms_key_id: Column = ()
    new_kms_key_id: Column = ()
    wave: Column | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A stretch of a manifest: its sound rows, and what is wrong with the others; no cells where no row is sound."""

    cells: Cells | None = None
    problems: tuple[Problem, ...] = ()
