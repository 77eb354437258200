"""What a manifest asks for, counted while it is loaded: the same as its ledger says, or nothing."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.ledger import Ledger, key_kinds
from jobs.ledger.forecast import Asks, asks_of
from jobs.manifest.loading import Loaded, load
from jobs.manifest.source import ManifestCopy
from jobs.spec import JobSpec

PROJECTS = ("0" * 32, "1" * 32)
KEYS = ("0D0466B0-e727-4d9c-b35d-f84bb474a37f", "0d0466b0e7274d9cb35df84bb474a37f", "f" * 32)
ROW = st.tuples(
    st.integers(0, 30), st.sampled_from(KEYS), st.sampled_from(("", *KEYS[1:])), st.sampled_from((*PROJECTS, "?"))
)


def loaded_and_told(lines: list[str], spec: JobSpec) -> tuple[Loaded, Asks]:
    text = "\n".join(("secret_name,kms_key_id,expected_kms_key_id,project_id", *lines))
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "manifest.csv"
        path.write_text(text)
        copy = ManifestCopy(path=path, sha256="", size=len(text), name="m.csv")
        loaded = load(copy, spec, Path(name), version="1", on_problem=lambda _: None)
        with Ledger(Path(name)) as ledger:
            return loaded, asks_of(ledger)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(ROW, max_size=8), exclude=st.sampled_from([(), ("s1*",)]), limit=st.sampled_from([None, None, 2]))
def test_what_loading_counts_is_what_the_ledger_says(
    rows: list[tuple[int, str, str, str]], exclude: tuple[str, ...], limit: int | None
) -> None:
    """Or it has counted nothing: where a row repeats or contradicts another one, or a limit leaves rows out."""
    spec = JobSpec(endpoint="http://127.0.0.1:9", exclude=exclude, limit=limit)
    # One more, as a manifest of which no row is selected is refused.
    lines = [f"kept,{KEYS[2]},,{PROJECTS[0]}"]
    lines += [f"s{name},{key},{expected},{project}" for name, key, expected, project in rows]
    loaded, told = loaded_and_told(lines, spec)
    assert loaded.asks in {None, told}
    sent = [(name, project) for name, *_, project in rows if project != "?" and not (exclude and f"s{name}"[1] == "1")]
    assert (loaded.asks is None) == (len(set(sent)) < len(sent) or limit is not None)


def test_rows_of_too_many_kinds_are_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that memory does not grow with the manifest."""
    monkeypatch.setattr(key_kinds, "_MOST", 2)
    lines = [f"s{number},{number:032x},,{PROJECTS[0]}" for number in range(3)]
    assert loaded_and_told(lines, JobSpec(endpoint="http://127.0.0.1:9"))[0].asks is None
    assert loaded_and_told(lines[1:], JobSpec(endpoint="http://127.0.0.1:9"))[0].asks is not None
