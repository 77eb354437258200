"""The shape in which readers hand over rows: one sequence of texts for each column the tool knows."""

from collections.abc import Sequence
from dataclasses import dataclass

from jobs.problem import Problem

REQUIRED = ("secret_name", "kms_key_id")
OPTIONAL = ("project_id", "region", "description", "expected_kms_key_id")
USED = REQUIRED + OPTIONAL
WAVE = "wave"
"""The cells of the column that waves go by, whatever its user calls it."""

Column = Sequence[str | None]
"""The cells of one column; None is an absent value: a null of Parquet, an empty optional cell of a text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """Some rows, in order: `rows` has their numbers, each column is as long; a column the manifest lacks is None."""

    rows: Sequence[int]
    secret_name: Column
    kms_key_id: Column
    project_id: Column | None = None
    region: Column | None = None
    description: Column | None = None
    expected_kms_key_id: Column | None = None
    wave: Column | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A stretch of a manifest: its sound rows, and what is wrong with the others; no cells where no row is sound."""

    cells: Cells | None = None
    problems: tuple[Problem, ...] = ()
