"""Physical lines of a manifest: numbered, and the same bytes when written back."""

import codecs
import gzip
import io
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.manifest.readers import lines, unpacking
from jobs.manifest.readers.lines import exact_codec, line_blocks, line_encoder
from jobs.manifest.readers.unpacking import UnreadableError, unpacked
from jobs.manifest.source import ManifestCopy, Packing, copy_manifest
from jobs.manifest.zstd import zstd
from jobs.problem import ManifestError

ENCODED = [
    ("utf-8", "utf-8", b""),
    ("utf-8", "utf-8", codecs.BOM_UTF8),
    ("utf-8-sig", "utf-8", codecs.BOM_UTF8),
    ("utf-16", "utf-16-le", codecs.BOM_UTF16_LE),
    ("utf-16", "utf-16-be", codecs.BOM_UTF16_BE),
    ("utf-32", "utf-32-le", codecs.BOM_UTF32_LE),
    ("utf-32", "utf-32-be", codecs.BOM_UTF32_BE),
    ("utf-16-le", "utf-16-le", b""),
    ("GB18030", "gb18030", b""),
]
CHARACTERS = st.one_of(
    st.sampled_from('\r\n\r\n,\t";ab\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029\ufeff'),
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
)


def stored(folder: Path, data: bytes, name: str = "manifest.csv") -> ManifestCopy:
    """A copy as the run directory holds it."""
    path = folder / name
    path.write_bytes(data)
    return ManifestCopy(path=path, sha256="", size=len(data), name="m.csv")


def read_lines(copy: ManifestCopy, encoding: str = "utf-8") -> tuple[list[tuple[int, str]], str | None]:
    """The lines up to the end or to the problem, and the problem."""
    read = list[tuple[int, str]]()
    try:
        for block in line_blocks(copy, encoding):
            read.extend(enumerate(block.lines, block.first))
    except ManifestError as error:
        return read, str(error.problem)
    return read, None


def physical_lines(text: str) -> list[str]:
    """The definition of a line, said another way."""
    return re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", text)


@pytest.mark.parametrize(("encoding", "codec", "mark"), ENCODED)
def test_lines_written_back_are_the_same_bytes(encoding: str, codec: str, mark: bytes) -> None:
    """Whatever the characters, the mix of line endings and the block size; only three endings end a line."""

    @settings(max_examples=40, deadline=None)
    @given(text=st.text(CHARACTERS, max_size=60), block=st.integers(1, 9))
    def check(text: str, block: int) -> None:
        with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
            patch.setattr(unpacking, "_BLOCK_BYTES", block)
            data = mark + text.encode(codec)
            if not mark and text and text[0] not in "ab":
                data = "ab".encode(codec) + data  # so that no byte order mark or foreign magic is made up
            copy = stored(Path(folder), data)
            read, problem = read_lines(copy, encoding)
            assert problem is None
            assert [number for number, _ in read] == list(range(1, len(read) + 1))
            assert [line for _, line in read] == physical_lines(data.decode(codec))
            encode = line_encoder(exact_codec(copy, encoding))
            assert b"".join(encode("".join(line for _, line in part)) for part in (read[:2], read[2:])) == data

    check()


@settings(max_examples=150, deadline=None)
@given(
    data=st.binary(max_size=80),
    name=st.sampled_from(["manifest.csv", "manifest.csv.gz", "manifest.tsv.zst"]),
    encoding=st.sampled_from(["utf-8", "utf-16", "utf-16-le", "utf-7", "cp932", "big5", "iso2022_jp", "cp1252", "hex"]),
    magic=st.sampled_from([b"", gzip.compress(b"a,b\n", mtime=0)[:12], zstd.compress(b"a,b\n")[:9]]),
)
def test_arbitrary_bytes_give_exact_lines_or_a_problem(data: bytes, name: str, encoding: str, magic: bytes) -> None:
    """Never another exception, and never lines that would be written back as other bytes."""
    with tempfile.TemporaryDirectory() as folder:
        copy = stored(Path(folder), magic + data, name)
        read, problem = read_lines(copy, encoding)
        if problem is None:
            encode = line_encoder(exact_codec(copy, encoding))
            assert encode("".join(line for _, line in read)) == b"".join(unpacked(copy.path, copy.packing))


UNMARKED = "m.csv: the file looks like UTF-16 without a byte order mark: say --encoding"
NO_CODEC = "m.csv: there is no text encoding"
LOST = "some bytes cannot be restored exactly from"
EXCEL = "m.csv: the file is a zip archive or an Excel workbook: save the sheet as CSV in UTF-8"


@pytest.mark.parametrize(
    ("data", "encoding", "count", "problem"),
    [
        (b"a\nb\xd4\nc\n", "utf-8", 1, "m.csv:2: not valid utf-8 (byte 0xd4, invalid continuation byte); say which"),
        (b"a\r\xff\n", "utf-8", 1, "m.csv:2: not valid utf-8 (byte 0xff, invalid start byte); say which"),
        (b"a\nb\xe4\xb8", "utf-8", 1, "m.csv:2: not valid utf-8 (byte 0xe4, unexpected end of data); say which"),
        (b"\xff\xfea\0", "utf-8", 0, "m.csv:1: not valid utf-8 (byte 0xff, invalid start byte); the file starts with"),
        (b"\xff\xfea\0", "utf-8", 0, "; the file starts with the byte order mark of utf-16: say --encoding utf-16"),
        (b"\xff\xfe\0\0a\0\0\0", "utf-8", 0, "byte order mark of utf-32: say --encoding utf-32"),
        (b"a\0b\0\n\0", "utf-8", 0, f"{UNMARKED} utf-16-le"),
        (b"\0a\0b\0\n", "latin-1", 0, f"{UNMARKED} utf-16-be"),
        (b"a\0b\0", "utf-16", 0, "m.csv: no byte order mark: say --encoding utf-16-le or utf-16-be"),
        (b"a\nb\0c\nd\n", "utf-8", 1, "m.csv:2: a NUL byte; the file is damaged or not text"),
        (b"a\nb\n\0\0\0\0", "utf-8", 2, "m.csv:3: a NUL byte; the file is damaged or not text"),
        (b"a\n", "klingon", 0, f"{NO_CODEC} 'klingon' (--encoding)"),
        (b"a\n", "hex", 0, f"{NO_CODEC} 'hex' (--encoding)"),
        (b"a\n", "a\0b", 0, f"{NO_CODEC} 'a\\x00b' (--encoding)"),
        (b"a\nb\x87\x90\n", "cp932", 1, f"m.csv:2: {LOST} cp932: save the manifest as UTF-8"),
        (b"a\n+2AA-\n", "utf-7", 0, f"{LOST} utf-7"),
        (gzip.compress(b"a\n", mtime=0), "utf-8", 0, "m.csv: the file is gzip-compressed: name it .csv.gz or .tsv.gz"),
        (zstd.compress(b"a\n"), "utf-8", 0, "m.csv: the file is zstd-compressed: name it .csv.zst or .tsv.zst"),
        (b"PAR1....PAR1", "utf-8", 0, "m.csv: the file is Parquet: name it .parquet"),
        (b"PK\3\4....", "utf-8", 0, EXCEL),
    ],
)
def test_bytes_that_are_not_the_text_are_told_with_their_line(
    tmp_path: Path, data: bytes, encoding: str, count: int, problem: str
) -> None:
    """Lines before the place are read, nothing is guessed or replaced."""
    read, told = read_lines(stored(tmp_path, data), encoding)
    assert told is not None
    assert problem in told
    assert len(read) == count


def corrupt(data: bytes, index: int) -> bytes:
    """The same bytes with one bit flipped."""
    return data[:index] + bytes([data[index] ^ 1]) + data[index + 1 :]


GZIPPED = gzip.compress(b"a,b\nc,d\n" * 9, mtime=0)
ZSTD = zstd.compress(b"a,b\nc,d\n" * 9, options={zstd.CompressionParameter.checksum_flag: 1})

# One byte that says 256 MiB, behind the magic and a header without a size: twice what is allowed.
OF_TOO_WIDE_A_WINDOW = zstd.compress(b"")[:4] + bytes([0x00, (28 - 10) << 3]) + b"\1\0\0"


@pytest.mark.parametrize(
    ("name", "data", "problem"),
    [
        ("manifest.csv.gz", b"a,b\n", "m.csv: not sound gzip data: Not a gzipped file (b'a,')"),
        ("manifest.csv.gz", GZIPPED[:-9], "the gzip data is truncated: the file is not complete"),
        ("manifest.csv.gz", GZIPPED[:5], "m.csv: the gzip data is truncated: the file is not complete"),
        ("manifest.csv.gz", corrupt(GZIPPED, len(GZIPPED) - 8), "not sound gzip data: CRC check failed"),
        ("manifest.csv.gz", GZIPPED + b"rubbish", "not sound gzip data: Not a gzipped file (b'ru')"),
        ("manifest.csv.zst", b"a,b\n", "m.csv: not sound zstd data: "),
        ("manifest.csv.zst", ZSTD * 9 + ZSTD[:4], "the zstd data is truncated: the file is not complete"),
        ("manifest.csv.zst", ZSTD + OF_TOO_WIDE_A_WINDOW, "Frame requires too much memory"),
        ("manifest.csv.zst", ZSTD[:-3], "the zstd data is truncated: the file is not complete"),
        ("manifest.csv.zst", corrupt(ZSTD, len(ZSTD) - 1), "not sound zstd data: "),
        ("manifest.csv.zst", ZSTD + b"rubbish", "not sound zstd data: "),
    ],
)
def test_damaged_compression_is_told(tmp_path: Path, name: str, data: bytes, problem: str) -> None:
    """A truncated download must never look like a shorter manifest."""
    _, told = read_lines(stored(tmp_path, data, name))
    assert told is not None
    assert problem in told


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("manifest.csv.gz", gzip.compress(b"a\n", mtime=0) + gzip.compress(b"b\n", mtime=0)),
        ("manifest.csv.gz", gzip.compress(b"a\nb\n", mtime=0) + b"\0" * 99),
        ("manifest.csv.zst", zstd.compress(b"a\n") + zstd.compress(b"b\n")),
        ("manifest.csv.zst", b"\x50\x2a\x4d\x18\3\0\0\0xyz" + zstd.compress(b"a\nb\n")),
    ],
)
def test_compressed_members_are_read_to_the_last(tmp_path: Path, name: str, data: bytes) -> None:
    """Joined files, zero padding and skippable frames are part of the formats."""
    assert read_lines(stored(tmp_path, data, name)) == ([(1, "a\n"), (2, "b\n")], None)


def test_a_copy_that_is_gone_is_told(tmp_path: Path) -> None:
    """Somebody tidied the run directory."""
    copy = stored(tmp_path, b"a\n")
    copy.path.unlink()
    assert read_lines(copy) == ([], "m.csv: cannot be read: No such file or directory")


@pytest.mark.parametrize(("text", "count"), [(b"a\n" + b"x" * 40 + b"\nb\n", 1), (b"a\nb\n" + b"x" * 400, 2)])
@pytest.mark.parametrize("block", [3, 1 << 20])
def test_a_line_without_an_end_does_not_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: bytes, count: int, block: int
) -> None:
    """A line is cut off at its cap, whether it ends later or never."""
    monkeypatch.setattr(lines, "MAX_LINE_CHARS", 20)
    monkeypatch.setattr(unpacking, "_BLOCK_BYTES", block)
    read, told = read_lines(stored(tmp_path, text))
    assert told == f"m.csv:{count + 1}: the line is longer than 20 characters"
    assert len(read) == count


@pytest.mark.parametrize("packing", [Packing.GZIP, Packing.ZSTD])
def test_a_compression_bomb_goes_off_in_small_pieces(tmp_path: Path, packing: Packing) -> None:
    """64 MiB out of some kilobytes: cut at the cap, and no piece is larger than one small step can unpack to."""
    pack = gzip.compress if packing is Packing.GZIP else zstd.compress
    copy = stored(tmp_path, pack(b"\n" * (64 << 20)), f"manifest.csv.{packing}")
    sizes = list[int]()

    def measure(blocks: Iterator[bytes]) -> None:
        sizes.extend(map(len, blocks))

    with pytest.raises(UnreadableError, match="more than 40000000 bytes when unpacked"):
        measure(unpacked(copy.path, packing, max_bytes=40_000_000))
    assert sum(sizes) <= 40_000_000
    assert max(sizes, default=0) <= 2 << 20


def test_text_that_packs_well_comes_out_whole(tmp_path: Path) -> None:
    """One step of the file unpacks to more than one block of text, over and over, and frames end within a step."""
    text = b"".join(b"%d,%s\n" % (number, b"x" * 4000) for number in range(3000))
    packed = zstd.compress(text) + zstd.compress(b"") + zstd.compress(text)
    assert len(packed) < len(text) // 100
    copy = stored(tmp_path, packed, "manifest.csv.zst")
    assert b"".join(unpacked(copy.path, Packing.ZSTD)) == text * 2


def test_a_python_without_zstd_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some are built without it; a file that it could read is no reason for an internal error."""
    monkeypatch.setitem(sys.modules, "jobs.manifest.zstd", None)
    _, told = read_lines(stored(tmp_path, ZSTD, "manifest.csv.zst"))
    assert told == "m.csv: this Python cannot unpack zstd: unpack the file first"
    (tmp_path / "in").mkdir()
    assert copy_manifest("-", tmp_path / "in", stdin=io.BytesIO(ZSTD)).path.name == "manifest.csv.zst"
