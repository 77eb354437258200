"""The real client against a service that breaks every rule of HTTP: every row ends in the truth."""

from pathlib import Path

import msgspec
import pytest

from batch.sandbox import faults
from jobs.model import Status
from tests.e2e.tool import case_in, manifest_of, outcomes_in, served_by
from tests.engine.machine import keys_of
from tests.engine.plans import Plan
from tests.engine.rows import moves, project_of, small_service
from tests.kit.faults import canned
from tests.oracle import violations
from tests.torture.raw_server import RawServer

MANNERS = (
    "close unread",
    "close",
    "reset",
    "drip",
    "silence",
    "cut",
    "garbage",
    "huge header",
    "huge body",
    "100-continue",
)
ODD = ("-5", "soon", "1.5", "")


@pytest.mark.parametrize(("attempts", "odd_texts"), [(1, ODD), (3, ())])
def test_whatever_a_socket_does_every_row_ends_in_the_truth(
    tmp_path: Path, attempts: int, odd_texts: tuple[str, ...]
) -> None:
    count = len(MANNERS) + len(ODD) + 3
    names = project_of(small_service(secrets=count)).names
    late = {("write", name, 1): faults.gateway_error(504, lands_after_s=0.7) for name in names[-2:]}
    odd = {
        ("write", name, 1): faults.gateway_error(429, retry_after=text)
        for name, text in zip(names[len(MANNERS) :], odd_texts, strict=False)
    }
    sandbox = small_service(secrets=count, faults=Plan(late | odd))
    asked, before = moves(sandbox), keys_of(sandbox)
    path, run_dir = tmp_path / "m.csv", tmp_path / "run"
    path.write_bytes(manifest_of(asked))
    server = RawServer(sandbox.exchange, dict(zip(names, MANNERS, strict=False)))
    with served_by(server, tmp_path, sandbox.token) as tool:
        # A late change is waited for a minute; a run without further attempts is stopped before that.
        options = (f"--max-attempts={attempts}", "--timeout=1", "--concurrency=8", "--max-duration=6")
        code = tool.run("run", str(path), *tool.to(run_dir, *options)).code
    bounds = {"lands_within_s": 0.7, "max_attempts": attempts, "interruptions": int(attempts == 1)}
    case = case_in(run_dir, asked, path.read_bytes(), sandbox, before, **bounds)
    assert violations(case) == []
    done = {claim.status for claim in case.claims}
    assert code == (0 if attempts > 1 else 3)
    assert attempts == 1 or done <= {Status.UPDATED, Status.VERIFIED}


def test_bytes_behind_an_answer_are_never_taken_for_the_answer_to_the_next_request(tmp_path: Path) -> None:
    names = project_of(small_service(secrets=6)).names
    sandbox = small_service(
        secrets=6, faults=Plan({("write", name, 1): faults.gateway_error(500) for name in names[1:]})
    )
    asked, before = moves(sandbox), keys_of(sandbox)
    path, run_dir = tmp_path / "m.csv", tmp_path / "run"
    path.write_bytes(manifest_of(asked))
    lie = msgspec.json.encode({"secret": {"name": names[1], "kms_key_id": asked[1].kms_key_id}})
    server = RawServer(sandbox.exchange, {names[0]: "stray"}, stray=lie)
    with served_by(server, tmp_path, sandbox.token) as tool:
        tool.run("run", str(path), *tool.to(run_dir, "--max-attempts=2", "--timeout=1", "--concurrency=1"))
    case = case_in(run_dir, asked, path.read_bytes(), sandbox, before, lands_within_s=0.7, max_attempts=2)
    assert violations(case) == []
    assert outcomes_in(run_dir)[1].status is Status.UPDATED
    assert sum(record.method == "PUT" and record.secret_name == names[1] for record in case.records) == 2


def test_a_redirect_is_not_followed_and_stops_the_scope_without_blaming_a_row(tmp_path: Path) -> None:
    names = project_of(small_service(secrets=4)).names
    elsewhere = canned(307, b"", headers=(("Location", "http://127.0.0.1:1/stolen"),))
    sandbox = small_service(secrets=4, faults=Plan({("write", names[0], 1): elsewhere}))
    asked, before = moves(sandbox), keys_of(sandbox)
    path, run_dir = tmp_path / "m.csv", tmp_path / "run"
    path.write_bytes(manifest_of(asked))
    with served_by(RawServer(sandbox.exchange, {}), tmp_path, sandbox.token) as tool:
        assert tool.run("run", str(path), *tool.to(run_dir)).code == 3
        assert not {claim.status for claim in outcomes_in(run_dir)} & {Status.FAILED, Status.REJECTED}
        assert tool.run("resume", str(run_dir)).code == 0
    case = case_in(run_dir, asked, path.read_bytes(), sandbox, before, interruptions=1)
    assert violations(case) == []
