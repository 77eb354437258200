"""CSV and TSV: exactly the texts of the cells, or a problem that says where."""

import pytest

from jobs.delimiter import Delimiter
from tests.unit.jobs.manifest.reading import COLUMNS, HEADER, read, rows, told

ODD = "NA null None nan NaN NULL n/a N/A <NA> #N/A -nan 1.#IND none Null TRUE FALSE inf 007 1e5 1_000 -0"


@pytest.mark.parametrize(
    "text",
    [
        *ODD.split(),
        "12345678901234567890123",
        "0x1F",
        "2026-01-01",
        " lead",
        "trail ",
        "\u00a0nbsp\u00a0",
        "a b",
        "a\x0bb\x0cc\x1cd\x1ee\x85f\u2028g\u2029h",
        "\ufeffbom",
        "\x1a",
        'a"b',
        "#comment",
        "=1+1",
        "\\",
        "\\n",
        "'",
        "\U0001f511",
        "e\u0301",
    ],
)
def test_a_text_stays_what_it_is(text: str) -> None:
    """In a column of one kind, where a guess would be tempting, and as the first cell of a block."""
    data = f"secret_name,kms_key_id\n{text},{text}\n{text},{text}\n".encode()
    blocks = read(data)
    assert told(blocks) == []
    assert rows(blocks) == [(1, text, text), (2, text, text)]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
def test_every_line_ending_ends_a_row(ending: str, last: bool) -> None:  # noqa: FBT001 - a table's column
    """Also without one at the end of the file."""
    text = f"secret_name,kms_key_id{ending}a,b{ending}c,d" + (ending if last else "")
    assert rows(read(text.encode())) == [(1, "a", "b"), (2, "c", "d")]


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (b"\xef\xbb\xbfsecret_name,kms_key_id\na,b\n", "utf-8"),
        (b'\xef\xbb\xbf"secret_name",kms_key_id\na,b\n', "utf-8"),
        ("secret_name,kms_key_id\na,b\n".encode("utf-16"), "utf-16"),
        ("secret_name,kms_key_id\na,b\n".encode("utf-16-le"), "utf-16-le"),
        ("secret_name,kms_key_id\na,b\n".encode("utf-32"), "utf-32"),
        ("secret_name,kms_key_id,\u8bf4\u660e\na,b,\u5bc6\u94a5\n".encode("gb18030"), "gb18030"),
        (b"kms_key_id,team,secret_name\nb,x,a\n", "utf-8"),
        (b"secret_name,kms_key_id\na,b\n\n\r\n\r\n", "utf-8"),
    ],
)
def test_marks_encodings_orders_and_blank_ends_do_not_matter(data: bytes, encoding: str) -> None:
    """A byte order mark is no part of a name; other columns are carried; blank lines may end a file."""
    blocks = read(data, encoding)
    assert told(blocks) == []
    assert rows(blocks) == [(1, "a", "b")]


def test_tabs_separate_a_tsv() -> None:
    """A comma is a character like any other there."""
    blocks = read(b'secret_name\tkms_key_id\n"a\t"\tb,c\n', name="manifest.tsv")
    assert rows(blocks) == [(1, "a\t", "b,c")]


def test_quotes_are_read_as_csv_has_them() -> None:
    """A quote inside an unquoted field is a character; a doubled one inside a quoted field too."""
    blocks = read(HEADER + b'"a,""b""",a"b\nplain,"x"\n')
    assert told(blocks) == []
    assert rows(blocks) == [(1, 'a,"b"', 'a"b'), (2, "plain", "x")]


def test_empty_optional_cells_are_no_values_and_required_ones_stay_empty() -> None:
    """CSV cannot tell an empty text from none: a description cannot be cleared from it."""
    [header, block] = read(b'secret_name,kms_key_id,description,region\n,,"",\na,b,text,r\n')
    assert header.cells is not None
    assert header.cells.project_id is None
    assert header.cells.region == ()
    assert block.cells is not None
    assert block.cells.secret_name == ["", "a"]
    assert block.cells.kms_key_id == ["", "b"]
    assert block.cells.description == [None, "text"]
    assert block.cells.region == [None, "r"]
    assert block.cells.expected_kms_key_id is None


def missing(hint: str) -> list[str]:
    """What is reported when neither required column is there."""
    return [f"1: {name}: the column is missing; {hint}" for name in COLUMNS[:2]]


SEMICOLONS = "the fields are separated by semicolons: say --delimiter semicolon"
NO_NAMES = "the first line must hold the column names, it holds"
ALL_DATA = "the first line looks like data, and must hold the column names: secret_name,kms_key_id"
OPEN_QUOTE = "a quoted field does not end on this line; one record is one line"
BLANK = "blank line; only the end of the file may be blank"
ENCODING = "say which encoding the file has, such as --encoding gb18030, utf-16 or cp1252"
NUL = "a NUL byte; the file is damaged or not text"
UNCLEAR = "2 columns have this name; column names must be unique"


@pytest.mark.parametrize(
    ("data", "problems"),
    [
        (b"\n", ["1: the line is blank; it must hold the column names"]),
        (b"\xef\xbb\xbf", ["1: the line is blank; it must hold the column names"]),
        (b"secret_name\na\n", [f"1: kms_key_id: the column is missing; {NO_NAMES} 'secret_name'"]),
        (b"# comment\na,b\n", missing(f"{NO_NAMES} '# comment'")),
        (b"a,0d0466b0-e727-4d9c-b35d-f84bb474a37f\n", missing(ALL_DATA)),
        (b"Secret_Name,kms_key_id\n", [
            "1: secret_name: the column is missing; there is 'Secret_Name'; column names are case-sensitive",
        ]),
        (b"secret_name, kms_key_id\na,b\n", [
            "1: kms_key_id: the column name ' kms_key_id' has whitespace around it; remove it",
        ]),
        (b"\xef\xbb\xbf\xef\xbb\xbfsecret_name,kms_key_id\n", [
            "1: \\ufeffsecret_name: the column name holds U+FEFF ZERO WIDTH NO-BREAK SPACE; remove it",
            ("1: secret_name: the column is missing; there is '\\ufeffsecret_name'"
            " (U+FEFF ZERO WIDTH NO-BREAK SPACE at character 1); column names are case-sensitive"),
        ]),
        (b"secret_name,kms_key_id,kms_key_id\na,b,c\n", [f"1: kms_key_id: {UNCLEAR}"]),
        (b"secret_name,kms_key_id,x,x\na,b,c,d\n", [f"1: x: {UNCLEAR}"]),
        (b"secret_name,kms_key_id,te\x07am\na,b,c\n", [
            "1: te\\x07am: the column name holds U+0007 control character; remove it",
        ]),
        (b'secret_name,"kms_key_id\na,b\n', [f"1: {OPEN_QUOTE}"]),
        (HEADER + b"a\n", ["2: expected 2 fields, found 1"]),
        (HEADER + b"a,b,\nc,d,\n", ["2: expected 2 fields, found 3", "3: expected 2 fields, found 3"]),
        (HEADER + b"a,b\nc,d,e\nf,g\nh\n", ["3: expected 2 fields, found 3", "5: expected 2 fields, found 1"]),
        (HEADER + b'a,"b\nc,d\ne",f\n', [f"2: {OPEN_QUOTE}"]),
        (HEADER + b'a,"b\nb"\nc,d\n', [f"2: {OPEN_QUOTE}", "3: expected 2 fields, found 1"]),
        (HEADER + b'a,"b', [f"2: {OPEN_QUOTE}"]),
        (HEADER + b'"x"y,b\n', ["2: text after the closing quote of a field"]),
        (HEADER + b"a,b\n\n\nc,d\n\n", [f"3: {BLANK}"]),
        (HEADER + b"a,b\n  \nc,d\n", ["3: expected 2 fields, found 1"]),
        (HEADER + b"a,b\n\x1a", ["3: expected 2 fields, found 1"]),
        (HEADER + b"a,b\nc\0,d\ne,f\n", [f"3: {NUL}"]),
        (HEADER + b"a,b\nc,\xd4\xbf\xff\n", [f"3: not valid utf-8 (byte 0xff, invalid start byte); {ENCODING}"]),
        (HEADER + b'a,"' + b"x" * 140_000 + b'"\n', ["2: field larger than field limit (131072)"]),
    ],
)  # fmt: skip
def test_what_is_not_a_manifest_is_told_with_its_place(data: bytes, problems: list[str]) -> None:
    """Every fault of structure, and each only once."""
    assert told(read(data)) == [f"m.csv:{problem}" for problem in problems]


NAMES_BELOW = "the column names stand on line"
SEP = "the line 'sep=;' is for Excel only"


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"secret_name;kms_key_id\na;b\n", SEMICOLONS),
        (b'"secret_name";"kms_key_id"\r\n"a";"b"\r\n', SEMICOLONS),
        (b"Secret Name;KMS Key ID;Region\n", SEMICOLONS),
        (b"secret_name\tkms_key_id\n", "the fields are separated by tabs: say --delimiter tab"),
        (b"secret_name | kms_key_id\n", "the fields are separated by pipes: say --delimiter pipe"),
        (b"\xef\xbb\xbfsep=;\r\nsecret_name;kms_key_id\r\n", (
            f"{SEP}, and the fields are separated by semicolons: remove it and say --delimiter semicolon"
        )),
        (b'"sep=,"\nsecret_name,kms_key_id\n', "the line '\"sep=,\"' is for Excel only: remove it"),
        (b"SEP=,\nsecret_name,kms_key_id\n", "the line 'SEP=,' is for Excel only: remove it"),
        (b"sep=;\na;b\n", f"{SEP}: remove it"),
        (b"sep=;\n\nsecret_name;kms_key_id\n", (
            f"{SEP}, and {NAMES_BELOW} 3, and the fields are separated by semicolons:"
            " remove the 2 lines above them and say --delimiter semicolon"
        )),
        (b"# comment\nsecret_name,kms_key_id\na,b\n", f"{NAMES_BELOW} 2: remove the line above them"),
        (b"Secrets of May 2026,\n,\n\nsecret_name,kms_key_id\n", f"{NAMES_BELOW} 4: remove the 3 lines above them"),
        (b"\nsecret_name,kms_key_id\n", f"{NAMES_BELOW} 2: remove the line above them"),
        (b'Keys "2026\nsecret_name;kms_key_id\n', (
            f"{NAMES_BELOW} 2, and the fields are separated by semicolons:"
            " remove the line above them and say --delimiter semicolon"
        )),
        (b'"secret_name,kms_key_id"\n"a,b"\n', (
            "each line stands in quotes as a whole: save the file without them"
        )),
    ],
)  # fmt: skip
def test_column_names_that_stand_elsewhere_are_found_and_told_in_one_message(data: bytes, problem: str) -> None:
    """Below other lines, behind another delimiter, in quotes: what is there, and what to do."""
    assert told(read(data)) == [f"m.csv:1: {problem}"]


def test_a_delimiter_that_was_given_is_compared_with_the_file() -> None:
    """A comma is no usual one any more then."""
    comma = "m.csv:1: the fields are separated by commas: say --delimiter comma"
    assert told(read(HEADER + b"a,b\n", delimiter=Delimiter.SEMICOLON)) == [comma]
    assert told(read(HEADER + b"a,b\n", name="manifest.tsv")) == [comma]


@pytest.mark.parametrize("delimiter", Delimiter)
def test_each_delimiter_is_read_where_it_is_given(delimiter: Delimiter) -> None:
    """Whatever the suffix says; the others are characters like any other."""
    text = 'secret_name,kms_key_id\na;|b,"\tc,d"\n'.replace(",", delimiter.character)
    expected = [(1, "a;|b", "\tc,d")]
    if delimiter is not Delimiter.COMMA:
        text, expected = text.replace("a;|b", "a"), [(1, "a", f"\tc{delimiter.character}d")]
    for name in ("manifest.csv", "manifest.tsv"):
        blocks = read(text.encode(), name=name, delimiter=delimiter)
        assert (rows(blocks), told(blocks)) == (expected, [])


EXACT = "column names are case-sensitive"


@pytest.mark.parametrize(
    ("header", "problems"),
    [
        ("'secret_name',kms_key_id", ["secret_name: the column is missing; there is ''secret_name''; " + EXACT]),
        ("secretName,kms_key_id", ["secret_name: the column is missing; there is 'secretName'; " + EXACT]),
        ("secret_n\u0430me,kms_key_id", [
            ("secret_name: the column is missing; there is 'secret_n\u0430me'"
            f" (U+0430 CYRILLIC SMALL LETTER A at character 9); {EXACT}"),
        ]),
        ("secret_name,kms_key_id,Project ID", [
            f"project_id: there is 'Project ID'; {EXACT}: write project_id, or another name if it is not meant",
        ]),
        ("secret_name,kms_key_id,regi\u043en", [
            (f"region: there is 'regi\u043en' (U+043E CYRILLIC SMALL LETTER O at character 5); {EXACT}: write region,"
            " or another name if it is not meant"),
        ]),
        ("secret_name,kms_key_id,region ", ["region: the column name 'region ' has whitespace around it; remove it"]),
        ("secret_name,kms_key_id,region,Region,\u5907\u6ce8,KMS Key", []),
    ],
)  # fmt: skip
def test_a_column_under_nearly_its_name_is_never_passed_over(header: str, problems: list[str]) -> None:
    """Not even an optional one: without its region or its guard a row would be another row."""
    assert told(read(f"{header}\n".encode())) == [f"m.csv:1: {problem}" for problem in problems]


def test_columns_without_a_name_may_only_be_empty() -> None:
    """A value there has slipped out of its column, but in the first, where programs number their rows."""
    blocks = read(b"secret_name,kms_key_id,, \na,b,,\nc,d,,\n")
    assert (rows(blocks), told(blocks)) == ([(1, "a", "b"), (2, "c", "d")], [])
    blocks = read(b",secret_name,kms_key_id\n1,a,b\n")
    assert (rows(blocks), told(blocks)) == ([(1, "a", "b")], [])
    assert told(read(b"secret_name,kms_key_id,,\na,b,,\nc,d, e,\nf,g,h,i\n")) == [
        "m.csv:3: column 3 has no name, and holds ' e' here; name it, or quote the fields",
        "m.csv:4: column 4 has no name, and holds 'i' here; name it, or quote the fields",
    ]


@pytest.mark.parametrize("end", [b",,\n", b",,\r\n,,\r\n", b"\n,,\n\n,,", b",\n,,,,,\n"])
def test_lines_of_delimiters_alone_end_a_file_as_blank_ones_do(end: bytes) -> None:
    """Spreadsheets write them for rows that were once used; further up they are rows without a name."""
    head = b"secret_name,kms_key_id,x\n"
    assert rows(read(head + b"a,b,\n" + end)) == [(1, "a", "b")]
    assert rows(read(head + b"a,b,\n,,\n,,\nc,d,\n" + end)) == [(1, "a", "b"), (2, "", ""), (3, "", ""), (4, "c", "d")]
    assert rows(read(head + b",,\n,,\n")) == [(1, "", ""), (2, "", "")]


def test_an_empty_file_is_told() -> None:
    """Not even a header: something went wrong before."""
    assert told(read(b"")) == ["m.csv: the file is empty; it needs at least a line with the column names"]


def test_sound_rows_around_faults_keep_their_numbers() -> None:
    """Row N stands on line N + 1, whatever stands between."""
    assert rows(read(HEADER + b"a,b\nbad\n\nc,d\n\xff")) == [(1, "a", "b"), (4, "c", "d")]


def test_a_header_alone_is_a_manifest_of_no_rows() -> None:
    """Nothing to do is not an error."""
    blocks = read(HEADER)
    assert told(blocks) == []
    assert rows(blocks) == []
