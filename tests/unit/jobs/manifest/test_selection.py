"""Which rows a job selects by name, and what is said of a selection that is not what its user meant."""

from pathlib import Path

import pytest

from jobs.manifest.planner import read_manifest
from jobs.manifest.source import ManifestCopy
from jobs.spec import JobSpec, SpecError

KEY = "0d0466b0-e727-4d9c-b35d-f84bb474a37f"
NAMES = ("db-1", "db-2", "DB-3", "app.db-4", "a/b", "")


def job(only: tuple[str, ...] = (), exclude: tuple[str, ...] = ()) -> JobSpec:
    """A job that selects so."""
    return JobSpec(only=only, exclude=exclude, project_id="0123456789abcdef0123456789abcdef", region="cn-north-4")


def planned(folder: Path, names: tuple[str, ...], spec: JobSpec) -> tuple[list[str], list[str]]:
    """The names that are selected, and all problems."""
    path = folder / "manifest.csv"
    path.write_text("secret_name,kms_key_id\n" + "".join(f"{name},{KEY}\n" for name in names), encoding="utf-8")
    batches = list(read_manifest(ManifestCopy(path=path, sha256="", size=0, name="m.csv"), spec))
    assert [row.row for batch in batches for row in batch.rows] == list(range(1, len(names) + 1))
    selected = [names[row.row - 1] for batch in batches for row in batch.rows if row.selected]
    return selected, [str(problem) for batch in batches for problem in batch.problems]


@pytest.mark.parametrize(
    ("only", "exclude", "selected"),
    [
        ((), (), list(NAMES)),
        (("db-*",), (), ["db-1", "db-2"]),
        (("db-1", "DB-?"), (), ["db-1", "DB-3"]),
        (("*",), ("*db*",), ["DB-3", "a/b", ""]),
        ((), ("[dD]*", "*/*", ""), ["app.db-4"]),
        (("db-[!1]",), (), ["db-2"]),
    ],
)
def test_a_whole_name_is_matched_and_case_counts(
    tmp_path: Path, only: tuple[str, ...], exclude: tuple[str, ...], selected: list[str]
) -> None:
    """What is not selected is not judged either: its faults are of no concern."""
    found, problems = planned(tmp_path, NAMES, job(only, exclude))
    assert found == selected
    lines = {problem.split(":")[1] for problem in problems}
    assert lines == {str(NAMES.index(name) + 2) for name in ("a/b", "") if name in selected}


def test_a_pattern_that_matches_nothing_is_told_and_stops_nothing(tmp_path: Path) -> None:
    """A night's manifest may have no such secret."""
    spec = job(("db-*", "bd-*"), ("x", "db-1"))
    found, problems = planned(tmp_path, NAMES, spec)
    assert found == ["db-2"]
    assert problems == ["m.csv: --only 'bd-*' matches no row", "m.csv: --exclude 'x' matches no row"]


def test_a_selection_that_leaves_nothing_makes_the_manifest_unusable(tmp_path: Path) -> None:
    """But for one that has no rows: of that, nothing can be selected."""
    spec = job(("x",))
    assert planned(tmp_path, NAMES, spec) == (
        [],
        ["m.csv: --only 'x' matches no row", "m.csv: --only and --exclude leave no row"],
    )
    assert planned(tmp_path, (), spec) == ([], [])


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_of_nothing_is_refused(limit: int) -> None:
    with pytest.raises(SpecError, match="--limit: "):
        JobSpec(limit=limit)
