"""Key maps: read like manifests, with the same words for what is wrong, and refused as a whole."""

from pathlib import Path

import pytest

from jobs.manifest.key_map import pairs, read_key_map, target_of
from jobs.manifest.source import copy_manifest
from jobs.model import KeyMove
from jobs.spec import JobSpec

A, B, C = (f"{digit * 8}-{digit * 4}-{digit * 4}-{digit * 4}-{digit * 12}" for digit in "abc")
P, Q = "1" * 32, "2" * 32
SPEC = JobSpec()


def said(folder: Path, text: str, spec: JobSpec = SPEC, name: str = "map.csv") -> tuple[list[str], tuple[KeyMove, ...]]:
    (folder / name).write_text(text, encoding="utf-8")
    (folder / "copy").mkdir()
    found = read_key_map(copy_manifest(str(folder / name), folder / "copy"), spec)
    return [str(problem).removeprefix(f"{folder}/") for problem in found.problems], found.moves


def test_each_row_says_where_secrets_on_an_old_key_go(tmp_path: Path) -> None:
    text = f"note,old_kms_key_id,new_kms_key_id,project_id,region\nx,{A},{B},,\ny,{C},{B},{P},cn-north-4\nz,{A},{B},,\n"
    problems, moves = said(tmp_path, text)
    assert not problems
    assert moves == (
        KeyMove(old_kms_key_id=A, new_kms_key_id=B),
        KeyMove(old_kms_key_id=C, new_kms_key_id=B, project_id=P, region="cn-north-4"),
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "map.csv: the file is empty; it needs at least a line with the column names"),
        ("old_kms_key_id,new_kms_key_id\n", "map.csv: no row names a key"),
        (f"old_kms_key_id,target\n{A},{B}\n", "map.csv:1: new_kms_key_id: the column is missing; the first line must"),
        (f"secret_name,kms_key_id\ns,{B}\n", "map.csv:1: old_kms_key_id: the column is missing"),
        (f"Old KMS Key Id,new_kms_key_id\n{A},{B}\n", "map.csv:1: old_kms_key_id: the column is missing; there is"),
        (f"old_kms_key_id,new_kms_key_id,Region\n{A},{B},x\n", "map.csv:1: region: there is 'Region'"),
        (f"old_kms_key_id;new_kms_key_id\n{A};{B}\n", "map.csv:1: the fields are separated by semicolons"),
        (f"title\nold_kms_key_id,new_kms_key_id\n{A},{B}\n", "map.csv:1: the column names stand on line 2"),
        (f"old_kms_key_id,new_kms_key_id\n{A},my-key\n", "map.csv:2: new_kms_key_id: 'my-key' is not a UUID"),
        (f"old_kms_key_id,new_kms_key_id\n{A} ,{B}\n", f"map.csv:2: old_kms_key_id: '{A} ' has whitespace around it"),
        (f"old_kms_key_id,new_kms_key_id\n,{B}\n", "map.csv:2: old_kms_key_id: is empty"),
        (f"old_kms_key_id,new_kms_key_id\n{A},{B},x\n", "map.csv:2: expected 2 fields, found 3"),
        (f"old_kms_key_id,new_kms_key_id\n{A},{A.upper()}\n", "map.csv:2: new_kms_key_id: is the old key itself"),
        (
            f"old_kms_key_id,new_kms_key_id\n{A},{B}\n{A.upper()},{C}\n",
            "map.csv:3: new_kms_key_id: row 1 says another new key for the same old key",
        ),
        (
            f"old_kms_key_id,new_kms_key_id\n{A},{B}\n{B.upper()},{A}\n",
            "map.csv:2: new_kms_key_id: is the old key of row 2; give the key that secrets end on",
        ),
        (
            f"old_kms_key_id,new_kms_key_id,project_id\n{A},{B},\n{C},{B},\n{B},{C},{P}\n",
            "map.csv:2: new_kms_key_id: is the old key of row 3;",
        ),
        (f"old_kms_key_id,new_kms_key_id,project_id\n{A},{B},../x\n", "map.csv:2: project_id: '../x' is not 32"),
        (f"old_kms_key_id,new_kms_key_id,region\n{A},{B},moon-1\n", "map.csv:2: region: unknown region 'moon-1'"),
    ],
)
def test_a_bad_key_map_is_refused_in_the_words_of_a_manifest(tmp_path: Path, text: str, problem: str) -> None:
    problems, _ = said(tmp_path, text)
    assert problems[0].startswith(problem), problems


def test_a_row_for_a_project_comes_before_one_for_a_region_and_that_before_one_for_all() -> None:
    moves = (
        KeyMove(old_kms_key_id=A, new_kms_key_id=B),
        KeyMove(old_kms_key_id=A.upper(), new_kms_key_id=C, region="cn-north-4"),
        KeyMove(old_kms_key_id=A, new_kms_key_id=A[::-1], project_id=P),
    )
    places = ((P, "cn-north-4"), (Q, "cn-north-4"), (Q, "cn-north-1"), (Q, None))
    found = [target_of(moves, kms_key_id=A, project_id=project, region=region) for project, region in places]
    assert found == [A[::-1], C, B, B]
    assert target_of(moves, kms_key_id=B, project_id=P, region=None) is None


def test_a_new_key_may_be_left_where_no_secret_comes_to_it(tmp_path: Path) -> None:
    """In another project, or in one where another row decides."""
    head = "old_kms_key_id,new_kms_key_id,project_id\n"
    problems, moves = said(tmp_path, f"{head}{A},{B},\n{A},{C},{P}\n{B},{C},{P}\n")
    assert (problems, len(moves)) == ([], 3)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ((A,), (), "--new-key: 1 of --old-key and 0 of --new-key; give them as pairs"),
        (("x",), (B,), "--old-key: is 1 character long"),
        ((A,), ("y z",), "--new-key: 'y z' is not a UUID"),
        ((A,), (A.upper(),), "is the old key itself"),
        ((A, A.upper()), (B, C), "is given twice, with different new keys"),
        ((A, B), (B.upper(), A), f"--new-key: {B.upper()} is an --old-key too; give the key that secrets end on"),
    ],
)
def test_pairs_that_cannot_be_used_are_refused(old: tuple[str, ...], new: tuple[str, ...], words: str) -> None:
    with pytest.raises(ValueError, match="--") as refused:
        pairs(old, new, SPEC)
    assert words in str(refused.value)
