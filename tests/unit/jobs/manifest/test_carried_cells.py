"""Columns that the tool does not use, read again for a file that carries them on."""

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.delimiter import Delimiter
from jobs.manifest.carried_cells import carried_cells
from jobs.manifest.source import ManifestCopy, copy_manifest

ROWS = [("x, y", ""), ('say "hi"', "=1"), ("é", "\u202e")]


def copied(path: Path, separator: Delimiter | None = None) -> ManifestCopy:
    (path.parent / "copy").mkdir()
    copy = copy_manifest(str(path), path.parent / "copy")
    return ManifestCopy(path=copy.path, sha256=copy.sha256, size=copy.size, name=copy.name, separator=separator)


@pytest.mark.parametrize(("name", "ending"), [("m.csv", "\n"), ("m.csv.gz", "\r\n"), ("m.csv", "\r")])
def test_cells_of_a_text_come_as_they_are(tmp_path: Path, name: str, ending: str) -> None:
    lines = [
        "\ufeffowner,secret_name,,kms_key_id,note",
        '"x, y",a,,k,',
        '"say ""hi""",b,,k,=1',
        "é,c,,k,\u202e",
        ",,,,",
        "",
    ]
    data = ending.join(lines).encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    found = carried_cells(copied(tmp_path / name), "utf-8")
    assert found.names == ("owner", "note")
    assert list(found.rows)[: len(ROWS)] == ROWS


def test_another_delimiter_is_the_one_that_its_user_names(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("secret_name;kms_key_id;note\na;k;x, y\n", encoding="utf-8")
    found = carried_cells(copied(tmp_path / "m.csv", Delimiter.SEMICOLON), "utf-8")
    assert (found.names, list(found.rows)) == (("note",), [("x, y",)])


def test_cells_of_parquet_become_texts_of_one_line(tmp_path: Path) -> None:
    columns: dict[str, list[object]] = {
        "n": [1, None],
        "secret_name": ["a", "b"],
        "kms_key_id": ["k", "k"],
        "t": ["one\r\ntwo", "\0"],
    }
    pq.write_table(pa.table(columns), tmp_path / "m.parquet")
    found = carried_cells(copied(tmp_path / "m.parquet"), "utf-8")
    assert found.names == ("n", "t")
    assert list(found.rows) == [("1", r"one\r\ntwo"), ("", r"\x00")]
