"""How the bytes of a manifest come in."""

import gzip
import hashlib
import io
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.manifest.source import Format, Packing, Readable, _chunks, copy_manifest
from jobs.manifest.zstd import zstd
from jobs.problem import ManifestError

NOT_REGULAR = "is not a regular file; to read from a pipe, give - and send the manifest to standard input"
TEXT = b"secret_name,kms_key_id\r\na,b\r\n"


def refusal(manifest: str, into: Path, *, max_bytes: int = 1 << 30) -> str:
    """What `copy_manifest` refuses a manifest with; it must leave nothing behind."""
    with pytest.raises(ManifestError) as caught:
        copy_manifest(manifest, into, max_bytes=max_bytes)
    assert caught.value.problem.structural
    assert list(into.iterdir()) == []
    return str(caught.value.problem)


@pytest.fixture
def into(tmp_path: Path) -> Path:
    """A fresh run directory."""
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    return folder


def test_a_copy_is_exact_private_and_hashed(tmp_path: Path, into: Path) -> None:
    """The run directory keeps the manifest's own bytes."""
    data = os.urandom(3 << 20)
    source = tmp_path / "Keys.TSV.GZ"
    source.write_bytes(data)
    copy = copy_manifest(str(source), into)
    assert copy.path == into / "manifest.tsv.gz"
    assert copy.path.read_bytes() == data
    assert (copy.sha256, copy.size, copy.name) == (hashlib.sha256(data).hexdigest(), len(data), str(source))
    assert stat.S_IMODE(copy.path.stat().st_mode) == 0o600
    assert (copy.format, copy.packing, copy.delimiter) == (Format.TSV, Packing.GZIP, "\t")
    assert list(into.iterdir()) == [copy.path]


@pytest.mark.parametrize("link", [False, True])
def test_a_copy_replaces_nothing(tmp_path: Path, into: Path, link: bool) -> None:  # noqa: FBT001 - a table's column
    """Neither an earlier copy nor whatever a planted symbolic link points to."""
    source = tmp_path / "m.csv"
    source.write_bytes(TEXT)
    victim = tmp_path / "victim"
    victim.write_text("precious")
    target = into / "manifest.csv"
    target.symlink_to(victim if link else tmp_path / "nowhere")
    with pytest.raises(FileExistsError):
        copy_manifest(str(source), into)
    assert victim.read_text() == "precious"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("name", ["m.txt", "m", "m.xlsx", "m.gz", "m.csv.bz2", "m.parquet.gz", ".csv.", "m.zst", "csv"])
def test_a_suffix_that_tells_no_format_is_refused(tmp_path: Path, into: Path, name: str) -> None:
    """Nothing is guessed from what a file holds when its name does not say."""
    (tmp_path / name).write_bytes(TEXT)
    assert refusal(str(tmp_path / name), into).endswith(
        "the suffix does not tell the format; name it .csv, .tsv or .parquet (text also with .gz or .zst after that)"
    )


def test_what_is_not_a_regular_file_is_refused_without_waiting(tmp_path: Path, into: Path) -> None:
    """A FIFO without a writer must not hang the tool; the suffix of what is no file does not matter."""
    os.mkfifo(tmp_path / "pipe.csv")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "device.csv").symlink_to("/dev/zero")
    for name in ("pipe.csv", "pipe", "device.csv"):
        assert refusal(str(tmp_path / name), into).endswith(f"{name}: {NOT_REGULAR}")


@pytest.mark.parametrize("name", ["/dev/stdin", "/dev/fd/63", "/proc/self/fd/0", "/proc/1/fd/9"])
def test_names_of_open_files_are_told_to_be_standard_input(into: Path, name: str) -> None:
    """Shells write such names for a process whose output is to be read."""
    assert refusal(name, into) == f"{name}: {NOT_REGULAR}"


def test_a_run_directory_is_not_taken_for_a_folder_of_parts(tmp_path: Path, into: Path) -> None:
    (tmp_path / "ledger.db").touch()
    assert refusal(str(tmp_path), into) == f"{tmp_path}: is a run directory, not a manifest; `resume` continues it"


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        (0, "is a folder without files; give one file"),
        (1, "is a folder that holds 1 file: give that one, part-00000.csv"),
        (12, "is a folder that holds 12 files, such as part-00000.csv; give one file"),
    ],
)
def test_a_folder_of_parts_is_not_many_manifests(tmp_path: Path, into: Path, parts: int, reason: str) -> None:
    """What others write beside the parts has no rows."""
    folder = tmp_path / "folder.csv"
    folder.mkdir()
    for name in ("_SUCCESS", ".part-00000.csv.crc", *(f"part-{number:05}.csv" for number in range(parts))):
        (folder / name).write_bytes(b"")
    assert refusal(str(folder), into) == f"{folder}: {reason}"


@pytest.mark.parametrize(
    ("manifest", "reason"),
    [
        ("missing.csv", "missing.csv: cannot be read: No such file or directory"),
        ("missing", "missing: cannot be read: No such file or directory"),
        (
            "http://127.0.0.1/m.csv",
            "cannot be read: No such file or directory; a manifest is a local file, never a URL",
        ),
        ("file:///etc/m.csv", "a manifest is a local file, never a URL"),
        ("s3://bucket/m.csv", "a manifest is a local file, never a URL"),
        ("nul\0.csv", "nul\\x00.csv: cannot be read: embedded null byte"),
    ],
)
def test_what_cannot_be_opened_is_refused(
    tmp_path: Path, into: Path, monkeypatch: pytest.MonkeyPatch, manifest: str, reason: str
) -> None:
    """The reason is the system's, in one line."""
    monkeypatch.chdir(tmp_path)
    assert reason in refusal(manifest, into)


def test_a_manifest_that_is_too_big_leaves_nothing_behind(tmp_path: Path, into: Path) -> None:
    """The first block fits and is written, the rest does not: the part is removed."""
    (tmp_path / "m.csv").write_bytes(b"x" * (2 << 20))
    assert "more than 1500000 bytes" in refusal(str(tmp_path / "m.csv"), into, max_bytes=1_500_000)


def test_a_file_that_grows_while_it_is_copied_is_refused(
    tmp_path: Path, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of what somebody is still writing is not a manifest."""
    source = tmp_path / "m.csv"
    source.write_bytes(TEXT)

    def growing(name: str, raw: Readable, max_bytes: int) -> Iterator[bytes]:
        yield from _chunks(name, raw, max_bytes)
        with source.open("ab") as other_writer:
            other_writer.write(b"c,d\r\n")

    monkeypatch.setattr("jobs.manifest.source._chunks", growing)
    assert "was written to while it was being copied" in refusal(str(source), into)


class Pipe:
    """Gives a few bytes at a time, as pipes do."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def read(self, size: int, /) -> bytes:
        return self._data.read(min(size, 5))


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (TEXT, "manifest.csv"),
        (b"", "manifest.csv"),
        (b"one column", "manifest.csv"),
        (b"secret_name\tkms_key_id\na,b\tc\n", "manifest.tsv"),
        (b"secret_name,kms\tkey\n", "manifest.csv"),
        (b"a,b\rx\ty\r", "manifest.csv"),
        ("secret_name\tkms_key_id\n".encode("utf-16"), "manifest.tsv"),
        (gzip.compress(TEXT, mtime=0), "manifest.csv.gz"),
        (gzip.compress(b"a\tb\n", mtime=0), "manifest.tsv.gz"),
        (gzip.compress(b"a\tb\n", mtime=0)[:9], "manifest.csv.gz"),
        (b"\x1f\x8bnonsense", "manifest.csv.gz"),
        (zstd.compress(TEXT), "manifest.csv.zst"),
        (zstd.compress(b"a\tb\n"), "manifest.tsv.zst"),
        (b"\x28\xb5\x2f\xfdnonsense", "manifest.csv.zst"),
        (b"PAR1....PAR1", "manifest.parquet"),
    ],
)
def test_standard_input_is_known_by_its_first_bytes(into: Path, data: bytes, name: str) -> None:
    """It has no suffix, so its magic bytes or its header line decide; every byte is kept."""
    copy = copy_manifest("-", into, stdin=Pipe(data))
    assert copy.path.name == name
    assert copy.path.read_bytes() == data
    assert copy.name == "<stdin>"


def test_standard_input_where_there_is_none_is_refused(into: Path) -> None:
    """Daemons start programs without one."""
    assert refusal("-", into) == "<stdin>: there is no standard input"


def test_an_endless_standard_input_is_cut(into: Path) -> None:
    """A pipe that never ends must not fill the disk."""
    with pytest.raises(ManifestError, match="more than 1000 bytes"):
        copy_manifest("-", into, stdin=io.BytesIO(b"y\n" * 1000), max_bytes=1000)
    assert list(into.iterdir()) == []
