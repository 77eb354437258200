"""`merge`: the shards of a run, put together, are that run."""

import contextlib
import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batch.cli.app import main
from batch.cli.loading import incoming_of
from jobs.ledger import Ledger, SessionStart
from jobs.ledger.record import read_record
from jobs.manifest.loading import load
from jobs.model import Outcome, Status
from jobs.rate import Rate
from jobs.shard import Shard, ShardBy
from jobs.spec import AccountsFile, JobSpec, Limits
from reports import write_reports

KEYS = ("11111111-2222-3333-4444-555555555555", "22222222-2222-3333-4444-555555555555")
PROJECTS = tuple(f"{number:032x}" for number in range(1, 6))
ACCOUNTS = ("red", "blue", "green")
ENDPOINT = "https://kms.example.com"
STARTED = 1_787_313_600.0
ENDS = (Status.UPDATED, Status.UNCHANGED, Status.REJECTED, Status.FAILED, Status.UNKNOWN, None)
REPORTS = ("outcomes.csv", "retry.csv", "rejected.csv")
Row = tuple[str, int, int]
"""Name, project (the last but one is unusable, the last is missing) and key."""

ROWS = st.lists(
    st.tuples(st.sampled_from("abcdefgh!"), st.integers(0, len(PROJECTS) + 1), st.integers(0, 1)),
    min_size=1,
    max_size=25,
)


def manifest_of(rows: Sequence[Row], *, accounts: int = 0) -> str:
    """With `accounts`, projects are in one of so many in turn, or in none."""
    places = (*PROJECTS, "nowhere", "")
    named = ("", *ACCOUNTS[:accounts])
    lines = (
        f"{name},{KEYS[key]},{places[place]},team {place}{f',{named[place % len(named)]}' if accounts else ''}\n"
        for name, place, key in rows
    )
    return f"secret_name,kms_key_id,project_id,owner{',account' if accounts else ''}\n{''.join(lines)}"


def end_of(name: str, project_id: str) -> Status | None:
    """How a secret ends, in whichever run: so that a shard of it can be compared with the whole."""
    return ENDS[(ord(name) + int(project_id[-1], 16)) % len(ENDS)]


def applied(
    folder: Path, manifest: Path, shard: Shard | None, *, stopped: str | None = None, **options: object
) -> Path:
    """A run directory in which every row has ended as its secret does; those that end as None are left open."""
    folder.mkdir()
    spec = JobSpec(endpoint=ENDPOINT, shard=shard, **options)  # type: ignore[arg-type]  # options of a job
    loaded = load(incoming_of(str(manifest)).copy_to(folder), spec, folder, version="0.1.0", on_problem=lambda _: None)
    assert not loaded.structural
    with Ledger(folder) as ledger:
        ledger.begin_session(SessionStart(started_at=STARTED))
        rows = [row for scope in ledger.open_scopes() for row in ledger.open_rows(scope.id, 0, 1_000)]
        ends = [(row.row, end_of(row.update.secret_name, scope_of(ledger, row.row))) for row in rows]
        ledger.commit(outcomes=[Outcome(row=row, status=end, attempts=1) for row, end in ends if end is not None])
        ledger.end_session(ended_at=STARTED + 10, exit_code=3, stopped=stopped)
        if shard is None:
            write_reports(folder, ledger, read_record(ledger), 3)
    return folder


def scope_of(ledger: Ledger, row: int) -> str:
    return next(one.project_id for one in ledger.told.rows() if one.outcome.row == row)


@contextlib.contextmanager
def sharded(
    base: Path, manifest: str, count: int, by: ShardBy = ShardBy.PROJECT, **options: object
) -> Iterator[tuple[Path, list[Path]]]:
    path = base / "m.csv"
    path.write_text(manifest)
    whole = applied(base / "whole", path, None, stopped="out of time", **options)
    shards = [
        applied(base / f"shard-{index}", path, Shard(index, count), stopped="out of time", shard_by=by, **options)
        for index in range(count)
    ]
    yield whole, shards


@pytest.fixture
def base(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    return lambda: tmp_path_factory.mktemp("merge")


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=ROWS,
    count=st.integers(1, 4),
    limited=st.booleans(),
    accounts=st.integers(0, len(ACCOUNTS)),
    by=st.sampled_from(ShardBy),
)
def test_the_shards_of_a_run_put_together_report_what_the_run_itself_reports(
    base: Callable[[], Path], rows: list[Row], count: int, *, limited: bool, accounts: int, by: ShardBy
) -> None:
    options: dict[str, object] = {"limit": 5} if limited else {}
    if accounts:
        options["accounts"] = AccountsFile(path="accounts.toml", names=ACCOUNTS[:accounts])
    with sharded(base(), manifest_of(rows, accounts=accounts), count, by, **options) as (whole, shards):
        into = whole.parent / "all"
        main(["merge", *map(str, reversed(shards)), "--into", str(into)])
        for name in REPORTS:
            assert (into / name).read_bytes() == (whole / name).read_bytes(), name


def test_shards_by_account_part_no_account_and_put_together_they_are_the_run(tmp_path: Path) -> None:
    rows = [(name, place, 0) for place in range(len(PROJECTS)) for name in "abc"]
    accounts = AccountsFile(path="accounts.toml", names=ACCOUNTS)
    with sharded(tmp_path, manifest_of(rows, accounts=3), 3, ShardBy.ACCOUNT, accounts=accounts) as (whole, shards):
        assert merged(tmp_path / "all", *shards) == 3
        of_shards = [accounts_in(one) for one in shards]
        assert accounts_in(tmp_path / "all") == accounts_in(whole) == {"", *ACCOUNTS}
    assert sorted(name for found in of_shards for name in found) == ["", *sorted(ACCOUNTS)]


def accounts_in(run_dir: Path) -> set[str]:
    """The accounts in the outcomes of a run directory, once they are written."""
    main(["report", str(run_dir)])
    return {line.split(",")[-1] for line in (run_dir / "outcomes.csv").read_text().splitlines()[1:]}


@pytest.fixture
def three(tmp_path: Path) -> list[Path]:
    """Three shards of a run over five projects."""
    rows = [(name, place, 0) for name in "abcdef" for place in range(len(PROJECTS))]
    with sharded(tmp_path, manifest_of(rows), 3) as (_, shards):
        return shards


def numbers_in(run_dir: Path) -> list[int]:
    """The rows in the outcomes of a run directory, once they are written."""
    main(["report", str(run_dir)])
    return [int(line.split(",")[0]) for line in (run_dir / "outcomes.csv").read_text().splitlines()[1:]]


def merged(into: Path, *words: Path | str) -> int:
    return main(["merge", *map(str, words), "--into", str(into)])


def test_a_shard_loads_its_own_rows_under_their_own_numbers(three: list[Path]) -> None:
    numbers = [numbers_in(one) for one in three]
    assert all(found == sorted(found) and found for found in numbers)
    assert sorted(number for found in numbers for number in found) == list(range(1, 31))


def test_a_folder_that_holds_the_shards_is_named_instead_of_each(tmp_path: Path, three: list[Path]) -> None:
    folder = tmp_path / "shards"
    folder.mkdir()
    for one in three:
        one.rename(folder / one.name)
    merged(tmp_path / "all", folder)
    assert json.loads((tmp_path / "all" / "summary.json").read_bytes())["manifest"]["rows"] == 30


def test_the_exit_code_is_that_of_the_whole(tmp_path: Path, three: list[Path]) -> None:
    assert merged(tmp_path / "all", *three) == 3
    assert main(["report", str(tmp_path / "all")]) == 3


def test_the_summary_lists_the_shards_and_what_keeps_one_from_being_over(tmp_path: Path, three: list[Path]) -> None:
    merged(tmp_path / "all", *three)
    summary = json.loads((tmp_path / "all" / "summary.json").read_bytes())
    assert [one["index"] for one in summary["shards"]] == [0, 1, 2]
    assert sum(one["rows"] for one in summary["shards"]) == 30
    assert summary["stopped"] == "shard 0/3: out of time"
    assert len(summary["sessions"]) == 3


def test_the_summary_says_of_each_session_which_shard_it_was_of(tmp_path: Path, three: list[Path]) -> None:
    """Also where they began at the same moment, and where shards took turns."""
    for number, shard in ((0, 2), (20, 1), (20, 0), (40, 2)):
        with Ledger(three[shard]) as ledger:
            ledger.begin_session(SessionStart(started_at=STARTED + number, host=f"host-{shard}"))
            ledger.end_session(ended_at=STARTED + number + 5, exit_code=3, stopped=None)
    merged(tmp_path / "all", three[1], three[2], three[0])
    summary = json.loads((tmp_path / "all" / "summary.json").read_bytes())
    told = [(one["shard"], one["host"]) for one in summary["sessions"]]
    assert [shard for shard, _ in told] == [1, 2, 2, 0, 1, 0, 2]
    assert all(host in {None, f"host-{shard}"} for shard, host in told)
    assert summary["timing"]["ended_at"] == "2026-08-21T12:00:45.000Z"


def test_a_shard_that_was_run_with_other_limits_says_so(tmp_path: Path) -> None:
    """The job of the whole is that of the shard that was named first."""
    path = tmp_path / "m.csv"
    path.write_text(manifest_of([(name, place, 0) for name in "ab" for place in range(len(PROJECTS))]))
    rates = (50.0, 20.0, 50.0)
    shards = [
        applied(tmp_path / f"shard-{index}", path, Shard(index, 3), limits=Limits(rate=Rate(rate)))
        for index, rate in enumerate(rates)
    ]
    with Ledger(shards[1]) as ledger:
        ledger.begin_session(SessionStart(started_at=STARTED + 1, changed="--burst 3"))
    merged(tmp_path / "all", *shards)
    summary = json.loads((tmp_path / "all" / "summary.json").read_bytes())
    assert summary["job"]["rate"] == "50/s"
    assert [one["changed"] for one in summary["sessions"]] == [None, "--rate 20/s", None, "--rate 20/s --burst 3"]


def test_the_end_of_a_merged_run_is_that_of_the_session_that_ended_last(tmp_path: Path, three: list[Path]) -> None:
    """The shard that began last may end before the others."""
    with Ledger(three[0]) as ledger:
        ledger.begin_session(SessionStart(started_at=STARTED + 1))
        ledger.end_session(ended_at=STARTED + 2, exit_code=3, stopped=None)
    merged(tmp_path / "all", *three)
    summary = json.loads((tmp_path / "all" / "summary.json").read_bytes())
    assert summary["timing"]["ended_at"] == "2026-08-21T12:00:10.000Z"


def test_a_missing_shard_is_refused_and_nothing_is_left_behind(
    tmp_path: Path, three: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert merged(tmp_path / "all", three[0], three[2]) == 2
    assert "shards are missing: 1/3; merge them too, or say --partial" in capsys.readouterr().err
    assert not (tmp_path / "all").exists()


def test_with_partial_the_rows_of_a_missing_shard_are_not_attempted(tmp_path: Path, three: list[Path]) -> None:
    own = set(map(str, numbers_in(three[1])))
    assert merged(tmp_path / "all", three[0], three[2], "--partial") == 3
    lines = [line.split(",") for line in (tmp_path / "all" / "outcomes.csv").read_text().splitlines()[1:]]
    assert [line[0] for line in lines] == [str(row) for row in range(1, 31)]
    lost = {line[0] for line in lines if line[9] == "no ledger of its shard was merged"}
    assert lost == own
    assert {line[6] for line in lines if line[0] in lost} == {"not_attempted"}
    again = (tmp_path / "all" / "retry.csv").read_text().splitlines()
    assert len(again) - 1 >= len(own)


def test_a_merge_that_is_cut_off_before_its_reports_leaves_no_summary_of_an_earlier_one(
    tmp_path: Path, three: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    merged(tmp_path / "all", three[0], three[2], "--partial")
    assert (tmp_path / "all" / "summary.json").exists()

    def cut_off(*_given: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("batch.cli.commands.merge.write_reports", cut_off)
    with contextlib.suppress(KeyboardInterrupt):
        merged(tmp_path / "all", *three)
    assert not (tmp_path / "all" / "summary.json").exists()
    monkeypatch.undo()
    assert merged(tmp_path / "all", *three) == 3


def test_a_merge_is_made_again_once_a_missing_shard_is_there(tmp_path: Path, three: list[Path]) -> None:
    merged(tmp_path / "all", three[0], three[2], "--partial")
    assert merged(tmp_path / "all", *three) == 3
    assert "no ledger of its shard" not in (tmp_path / "all" / "outcomes.csv").read_text()


def twice(tmp_path: Path, three: list[Path]) -> list[Path]:
    again = applied(tmp_path / "again", tmp_path / "m.csv", Shard(1, 3))
    return [*three, again]


def other_count(tmp_path: Path, three: list[Path]) -> list[Path]:
    return [three[0], applied(tmp_path / "of-four", tmp_path / "m.csv", Shard(1, 4)), three[2]]


def other_manifest(tmp_path: Path, three: list[Path]) -> list[Path]:
    (tmp_path / "n.csv").write_text(manifest_of([("z", 0, 0), ("y", 1, 0), ("x", 2, 0)]))
    return [three[0], applied(tmp_path / "other", tmp_path / "n.csv", Shard(1, 3)), three[2]]


def other_options(tmp_path: Path, three: list[Path]) -> list[Path]:
    return [three[0], applied(tmp_path / "other", tmp_path / "m.csv", Shard(1, 3), exclude=("a",)), three[2]]


def other_plan(_: Path, three: list[Path]) -> list[Path]:
    with contextlib.closing(sqlite3.connect(three[1] / "ledger.db")) as ledger, ledger:
        ledger.execute(
            "UPDATE meta SET value = json_set(value, '$.plan', json(?)) WHERE key = 'job'",
            (json.dumps({"sha256": "ab" * 32, "made_at": STARTED, "made_by": "0.1.0"}),),
        )
    return three


def whole_run(tmp_path: Path, three: list[Path]) -> list[Path]:
    return [three[0], tmp_path / "whole", three[2]]


def no_run(tmp_path: Path, three: list[Path]) -> list[Path]:
    (tmp_path / "empty").mkdir()
    return [three[0], tmp_path / "empty"]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (twice, "shard 1/3, and so is"),
        (other_count, "one of 4 shards"),
        (other_manifest, "n.csv with SHA-256"),
        (other_options, "--exclude a"),
        (other_plan, "its plan has the SHA-256 abab"),
        (whole_run, "not a shard: its run had no --shard"),
        (no_run, "not a run directory"),
    ],
)
def test_what_is_not_a_shard_of_the_same_run_is_refused(
    tmp_path: Path,
    three: list[Path],
    make: Callable[[Path, list[Path]], list[Path]],
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert merged(tmp_path / "all", *make(tmp_path, three)) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "all").exists()


def test_a_shard_that_is_given_twice_counts_once_with_partial(
    tmp_path: Path, three: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    merged(tmp_path / "all", *twice(tmp_path, three), "--partial")
    assert f"{tmp_path / 'again'}: left out: shard 1/3, and so is" in capsys.readouterr().err
    assert len((tmp_path / "all" / "outcomes.csv").read_text().splitlines()) == 31


def test_a_merge_goes_into_no_directory_of_another_run(
    tmp_path: Path, three: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    before = (tmp_path / "whole" / "ledger.db").read_bytes()
    assert merged(tmp_path / "whole", *three) == 2
    assert "holds a run, not a merge" in capsys.readouterr().err
    assert (tmp_path / "whole" / "ledger.db").read_bytes() == before


def test_nothing_is_sent_from_a_merge(
    tmp_path: Path, three: list[Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CSMS_REKEY_TOKEN", "t" * 40)
    merged(tmp_path / "all", *three)
    capsys.readouterr()
    assert main(["resume", str(tmp_path / "all")]) == 2
    assert "merged from 3 shards; continue those, then merge again" in capsys.readouterr().err
