"""Cutting text manifests: whole lines, the very bytes, or no file at all."""

import csv
import gzip
import io
from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.delimiter import Delimiter
from jobs.manifest.readers import read_blocks
from jobs.manifest.zstd import zstd
from jobs.model import Group, Outcome, Status
from jobs.spec import JobSpec
from reports.error import ReportError
from reports.retry_file import manifest_copy
from tests.unit.reports.runs import MakeRun, Run

HEAD = "secret_name,kms_key_id,note\n"
NO_SECRET = Outcome(row=0, status=Status.REJECTED, attempts=1, error_code="CSMS.0404", error_message="gone, sorry")
DONE, AGAIN, FIX = Status.UPDATED, Status.FAILED, NO_SECRET


def rows_of(run: Run, group: Group) -> list[int]:
    """Row numbers of a group."""
    with run.opened() as (ledger, _):
        return [row.outcome.row for row in ledger.told.rows_of(group)]


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(Status), st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n"))),
        max_size=40,
    ),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.booleans(),
    st.tuples(st.sampled_from(["utf-8", "utf-8-bom", "utf-16-le"]), st.sampled_from([None, *Delimiter])),
)
def test_the_files_divide_the_rows_exactly(
    make_run: MakeRun,
    rows: list[tuple[Status, str]],
    ending: str,
    ends: bool,  # noqa: FBT001 - drawn
    layout: tuple[str, Delimiter | None],
) -> None:
    """Every row is in one place: done, retry file or rejected file, and the lines of the retry file are its bytes."""
    encoding, delimiter = layout
    mark, codec = ("\ufeff", "utf-8") if encoding == "utf-8-bom" else ("", encoding)
    quoted = [note.replace('"', '""') for _, note in rows]
    between = (delimiter or Delimiter.COMMA).character
    names = HEAD.strip().replace(",", between)
    lines = [mark + names, *(between.join((f"name-{row}", "k", f'"{note}"')) for row, note in enumerate(quoted, 1))]
    lines = [line + ending for line in lines]
    if not ends:
        lines[-1] = lines[-1].removesuffix(ending)
    run = make_run(
        "".join(lines).encode(codec), [status for status, _ in rows], spec=JobSpec(encoding=codec, delimiter=delimiter)
    )
    summary = run.write()

    again = [row for row, (status, _) in enumerate(rows, 1) if status.group is Group.RUN_AGAIN]
    assert run.read("retry.csv") == "".join([lines[0], *(lines[row] for row in again)]).encode(codec)

    fix = [row for row, (status, _) in enumerate(rows, 1) if status.group is Group.FIX_FIRST]
    rejected = list(
        csv.reader(io.StringIO(run.read("rejected.csv").decode(codec), newline=""), delimiter=between, strict=True)
    )
    assert [cells[:3] for cells in rejected[1:]] == [[f"name-{row}", "k", rows[row - 1][1]] for row in fix]
    assert [cells[3] for cells in rejected[1:]] == [rows[row - 1][0] for row in fix]

    groups = [rows_of(run, group) for group in Group]
    assert sorted(chain.from_iterable(groups)) == list(range(1, len(rows) + 1))
    assert groups[1:] == [fix, again]
    assert [facts.rows for facts in summary.files] == [len(rows), len(again), len(fix), len(rows)]


@pytest.mark.parametrize("suffix", ["gz", "zst"])
def test_a_packed_manifest_gives_plain_files(make_run: MakeRun, suffix: str) -> None:
    """Their lines are those of the unpacked manifest."""
    text = (HEAD + "a,k,1\nb,k,2\n").encode()
    packed = gzip.compress(text) if suffix == "gz" else zstd.compress(text)
    run = make_run(packed, [AGAIN, FIX], copy=f"manifest.csv.{suffix}")
    run.write()
    assert run.read("retry.csv") == b"secret_name,kms_key_id,note\na,k,1\n"
    assert run.read("rejected.csv").splitlines()[1] == b'b,k,2,rejected,CSMS.0404,"gone, sorry"'


@pytest.mark.parametrize("status", [DONE, AGAIN, FIX])
@pytest.mark.parametrize("tail", ["", "\n", "\n\n\r\n"])
def test_the_end_of_the_file_stays_as_it_is(make_run: MakeRun, status: Status | Outcome, tail: str) -> None:
    """A last line without a line end keeps that where it is the last, and blank lines at the end are no rows."""
    run = make_run((HEAD + "a,k,1\nb,k,2" + tail).encode(), [status, AGAIN])
    run.write()
    own = b"a,k,1\n" if status is AGAIN else b""
    assert run.read("retry.csv") == HEAD.encode() + own + b"b,k,2" + tail[:1].encode()


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_without_rows_the_files_hold_the_header_alone(make_run: MakeRun, end: str) -> None:
    """With the line end it has."""
    head = b"secret_name,kms_key_id"
    run = make_run(head + end.encode(), [])
    run.write(0)
    assert run.read("retry.csv") == head + end.encode()
    assert run.read("rejected.csv") == head + b",status,error_code,error_message" + end.encode()


def test_a_tsv_manifest_gives_tsv_files(make_run: MakeRun) -> None:
    """Quotes follow the delimiter, so a comma needs none."""
    run = make_run(b"secret_name\tkms_key_id\na,b\tk\nc\tk\n", [FIX, AGAIN], copy="manifest.tsv")
    run.write()
    assert run.read("retry.tsv") == b"secret_name\tkms_key_id\nc\tk\n"
    assert run.read("rejected.tsv") == (
        b"secret_name\tkms_key_id\tstatus\terror_code\terror_message\na,b\tk\trejected\tCSMS.0404\tgone, sorry\n"
    )


def test_a_delimiter_of_the_job_is_kept_and_what_needs_quotes_has_them(make_run: MakeRun) -> None:
    """Lines of delimiters alone at the end are no rows."""
    text = b'secret_name;kms_key_id;note\r\n"a";k;"x;y"\r\nb;k;1,5\r\n;;\r\n;;\r\n'
    fix = Outcome(row=0, status=Status.REJECTED, attempts=1, error_code="CSMS.0404", error_message="gone; sorry")
    run = make_run(text, [AGAIN, fix], spec=JobSpec(delimiter=Delimiter.SEMICOLON))
    run.write()
    assert run.read("retry.csv") == b'secret_name;kms_key_id;note\r\n"a";k;"x;y"\r\n'
    assert run.read("rejected.csv").splitlines()[1] == b'b;k;1,5;rejected;CSMS.0404;"gone; sorry"'


@pytest.mark.parametrize(
    ("head", "row"),
    [
        ("secret_name,kms_key_id,note,status,error_code,error_message", 'a,k,"x, ""y""",failed,,old'),
        ("error_message,secret_name,status,kms_key_id,error_code,note", 'old,a,failed,k,,"x, ""y"""'),
        ('"status",secret_name,kms_key_id,note', 'failed,a,k,"x, ""y"""'),
        ("secret_name,kms_key_id,note", 'a,k,"x, ""y"""'),
    ],
)
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_rejected_file_fed_back_gets_its_columns_replaced(make_run: MakeRun, head: str, row: str, mark: str) -> None:
    """Wherever they stand, and once it is so, the file reproduces itself."""
    run = make_run(f"{mark}{head}\r\n{row}\r\n".encode(), [FIX])
    run.write()
    assert run.read("rejected.csv").decode() == (
        f"{mark}secret_name,kms_key_id,note,status,error_code,error_message\r\n"
        'a,k,"x, ""y""",rejected,CSMS.0404,"gone, sorry"\r\n'
    )
    again = make_run(run.read("rejected.csv"), [FIX])
    again.write()
    assert again.read("rejected.csv") == run.read("rejected.csv")


def test_both_files_are_manifests_again(make_run: MakeRun) -> None:
    """Read without a problem, and with the very rows."""
    run = make_run((HEAD + "a,k,1\nb,k,2\nc,k,3\n").encode(), [FIX, DONE, AGAIN])
    run.write()
    for name, row in (("retry.csv", "c"), ("rejected.csv", "a")):
        other = make_run(run.read(name), [DONE])
        with other.opened() as (_, record):
            blocks = list(read_blocks(manifest_copy(other.folder, record), "utf-8"))
        assert [name for block in blocks if block.cells for name in block.cells.secret_name] == [row]
        assert not [problem for block in blocks for problem in block.problems]


@pytest.mark.parametrize("encoding", ["gb18030", "latin-1", "utf-16-be", "iso2022_jp"])
def test_other_encodings_stay_and_messages_are_written_so_that_they_fit(make_run: MakeRun, encoding: str) -> None:
    """A message the encoding cannot hold is written out."""
    text = "secret_name,kms_key_id\na,k\nb,k\n"
    message = "\u5bc6\u94a5\U0001f511\n=1"
    ended = Outcome(row=0, status=Status.REJECTED, attempts=1, error_message=message)
    run = make_run(text.encode(encoding), [AGAIN, ended], spec=JobSpec(encoding=encoding))
    run.write()
    assert run.read("retry.csv") == "secret_name,kms_key_id\na,k\n".encode(encoding)
    told = run.read("rejected.csv").decode(encoding).splitlines()[1].split(",")[-1]
    assert told == message.encode(encoding, "backslashreplace").decode(encoding).replace("\n", r"\n")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", "\x1b[2J"])
def test_the_service_cannot_put_a_formula_into_the_rejected_file(make_run: MakeRun, text: str) -> None:
    """Cells of the manifest stay exact all the same."""
    outcome = Outcome(row=0, status=Status.REJECTED, attempts=1, error_code="E.1", error_message=text)
    run = make_run(b"secret_name,kms_key_id,note\na,k,=1+1\n", [outcome])
    run.write()
    line = run.read("rejected.csv").splitlines()[1]
    assert line.startswith(b"a,k,=1+1,rejected,E.1,'")
    assert line.isascii()
    assert b"\x1b" not in line


@pytest.mark.parametrize(
    ("rows", "loaded"),
    [("a,k,1\n", 2), ("a,k,1\nb,k,2\nc,k,3\n", 2), ("a,k,1\n\nb,k,2\n", 1), ("", 1)],
)
def test_a_copy_with_another_number_of_rows_is_refused(make_run: MakeRun, rows: str, loaded: int) -> None:
    """There is never a retry file with too few rows."""
    run = make_run((HEAD + rows).encode(), [AGAIN] * loaded)
    with pytest.raises(ReportError, match=f"the ledger has {loaded} rows, and this copy has another number"):
        run.write()
    assert not (run.folder / "retry.csv").exists()
    assert not (run.folder / "summary.json").exists()
    assert (run.folder / "outcomes.csv").exists()


@pytest.mark.parametrize("damage", [b"x", b""])
def test_a_changed_copy_is_refused(make_run: MakeRun, damage: bytes) -> None:
    """By its digest, which is on record."""
    run = make_run((HEAD + "a,k,1\n").encode(), [AGAIN])
    copy = run.folder / "manifest.csv"
    copy.write_bytes(copy.read_bytes().replace(b"a,k,1\n", damage))
    with pytest.raises(ReportError, match=r"manifest\.csv: .* was changed: SHA-256 is"):
        run.write()


def test_a_lost_copy_is_named(make_run: MakeRun) -> None:
    """With the word of the system."""
    run = make_run((HEAD + "a,k,1\n").encode(), [AGAIN])
    (run.folder / "manifest.csv").unlink()
    with pytest.raises(ReportError, match=r"manifest\.csv: No such file"):
        run.write()


def test_long_manifests_are_cut_across_blocks(make_run: MakeRun) -> None:
    """Rows on both sides of every border between blocks of lines end up in the right file."""
    lines = [f"name-{row},k,{'x' * 900}\n" for row in range(1, 4001)]
    run = make_run((HEAD + "".join(lines)).encode(), [AGAIN if row % 3 else FIX for row in range(1, 4001)])
    run.write()
    assert run.read("retry.csv").decode() == HEAD + "".join(line for row, line in enumerate(lines, 1) if row % 3)
    rejected = run.read("rejected.csv").decode().splitlines()[1:]
    assert [line.partition(",")[0] for line in rejected] == [f"name-{row}" for row in range(3, 4001, 3)]
