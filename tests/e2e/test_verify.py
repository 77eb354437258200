"""`verify` as a process: what it says of a run and of a manifest, and how it ends when it is cut off."""

import csv
import signal
from pathlib import Path
from typing import Any

import msgspec

from batch.sandbox.assembly import Sandbox
from batch.sandbox.lists import ListStyle
from batch.sandbox.wire import Operation
from jobs.sightings import Sightings
from tests.e2e.tool import Tool, manifest_of, served, wait_until
from tests.engine.rows import moves, project_of, small_service
from tests.kit.records import records_of


def manifest(folder: Path, sandbox: Sandbox, *more: str) -> Path:
    path = folder / "m.csv"
    path.write_bytes(manifest_of(moves(sandbox)) + "".join(f"{line}\n" for line in more).encode())
    return path


def to(tool: Tool, out: Path, *more: str) -> tuple[str, ...]:
    """The options of a fast look into a folder."""
    endpoint = next(option for option in tool.to(out) if option.startswith("--endpoint"))
    rate = () if any(option.startswith("--rate") for option in more) else ("--rate=unlimited",)
    return (endpoint, f"--out={out}", "--timeout=5", *rate, *more)


def told(out: Path) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """What the JSON file says, and each row with its result."""
    with (out / "verify.csv").open(newline="") as file:
        lines = [(line["row"], line["result"]) for line in csv.DictReader(file)]
    return msgspec.json.decode((out / "verify.json").read_bytes()), lines


def test_each_row_of_a_run_holds_is_moved_or_missing(tmp_path: Path) -> None:
    sandbox = small_service(secrets=6, lists=ListStyle(page_size=4))
    project = project_of(sandbox)
    unread, moved = project.names[1], project.names[2]
    project.hidden.add(unread)
    with served(sandbox, tmp_path) as tool:
        path = manifest(tmp_path, sandbox, f"nowhere,{project.key_ids.new},{project.id},", f"b d,x,{project.id},")
        run_dir = tmp_path / "run"
        assert tool.run("run", str(path), *tool.to(run_dir)).code == 1
        project.put(msgspec.structs.replace(project.secrets[moved], kms_key_id=project.key_ids.old))
        before = len(records_of(sandbox.journal))
        ended = tool.run("verify", str(run_dir), "--json")
        (out,) = run_dir.glob("verify-*")
        found, lines = told(out)
        asked = len(records_of(sandbox.journal)) - before
    assert ended.code == 1
    assert msgspec.json.decode(ended.out) == found
    assert (found["holds"], found["moved"], found["missing"], found["unread"], found["invalid"]) == (5, 1, 1, 0, 1)
    holds = [(str(row), "holds") for row in (1, 2)]
    assert lines == [
        *holds,
        ("3", "moved"),
        *((str(row), "holds") for row in (4, 5, 6)),
        ("7", "missing"),
        ("8", "not_asked (invalid)"),
    ]
    # Two pages, and what they do not show: one that the login may read, one that is not there.
    assert asked == found["requests"] == 4
    assert {one.name for one in out.iterdir()} >= {"verify.csv", "verify.json", "verify.html", "SHA256SUMS"}


def test_a_verification_that_was_killed_goes_on_and_one_that_is_over_does_not_begin_again(tmp_path: Path) -> None:
    sandbox = small_service(secrets=120, projects=2, lists=ListStyle(page_size=10))
    for project in sandbox.world.projects.values():
        project.hidden.update(project.names)
    out = tmp_path / "out"
    with served(sandbox, tmp_path, latency_ms=5.0) as tool:
        path = manifest(tmp_path, sandbox)
        options = to(tool, out, "--rate=100/s", "--concurrency=2")
        with tool.start("verify", str(path), *options) as running:
            wait_until(lambda: len(records_of(sandbox.journal)) > 40, running)
            running.kill()
        assert tool.run("verify", str(path), *options).code == 1
        # Empty pages of names that are hidden, and one read for each of those.
        needed = 2 * 6 + 120
        # And what was in flight at the kill, and what the rate let through in a twentieth of a second before it.
        assert len(records_of(sandbox.journal)) <= needed + 2 + 2 * (5 + 1)
        assert told(out)[0]["moved"] == 120
        again = tool.run("verify", str(path), *options)
    assert (again.code, "is over" in again.err) == (2, True)


def test_a_signal_ends_a_look_and_resume_continues_it(tmp_path: Path) -> None:
    sandbox = small_service(secrets=100)
    project_of(sandbox).hidden.update(project_of(sandbox).names)
    out = tmp_path / "out"
    with served(sandbox, tmp_path) as tool:
        path = manifest(tmp_path, sandbox)
        with tool.start("verify", str(path), *to(tool, out, "--rate=50/s")) as running:
            wait_until(lambda: len(records_of(sandbox.journal)) > 10, running)
            running.send_signal(signal.SIGTERM)
            assert running.wait(30) == 143
        assert told(out)[0]["unread"] > 0
        assert f"csms-rekey resume {out}" in (out / "verify.html").read_text(encoding="utf-8")
        path.unlink()
        assert tool.run("resume", str(out), "--rate=unlimited").code == 1
        assert len(records_of(sandbox.journal)) == 101
    with Sightings(out) as sightings:
        assert sum(one.seen for one in sightings.shown.secrets()) == 100


def test_what_cannot_be_read_ends_with_three_and_a_refused_login_too(tmp_path: Path) -> None:
    sandbox = small_service(secrets=8, denied=frozenset({Operation.LIST_SECRETS, Operation.SHOW_SECRET}))
    with served(sandbox, tmp_path) as tool:
        path = manifest(tmp_path, sandbox)
        denied = tool.run("verify", str(path), *to(tool, tmp_path / "denied"))
        resume = f"csms-rekey resume {tmp_path / 'denied'}"
        last = f"to ask again for those that could not be read: {resume}"
        assert (denied.code, denied.out.splitlines()[-1]) == (3, last)
        found, lines = told(tmp_path / "denied")
        assert {result for _, result in lines} == {"unread"}
        assert found["projects"][0]["trouble"].startswith("CSMS.0302")
        refused = tool.run("verify", str(path), *to(tool, tmp_path / "out"), more={"CSMS_REKEY_TOKEN": "wrong"})
        assert refused.code == 3
        assert told(tmp_path / "out")[0]["stopped"] is not None


def test_a_run_that_is_going_is_not_verified_and_nothing_is_asked(tmp_path: Path) -> None:
    sandbox = small_service(secrets=200)
    with served(sandbox, tmp_path) as tool:
        path, run_dir = manifest(tmp_path, sandbox), tmp_path / "run"
        with tool.start("run", str(path), *tool.to(run_dir, "--rate=8/s")) as running:
            wait_until(lambda: len(records_of(sandbox.journal)) > 3, running)
            assert tool.run("verify", str(run_dir)).code == 4
            # Nor may another command use the same project meanwhile.
            assert tool.run("verify", str(path), *to(tool, tmp_path / "out")).code == 4
            assert not (tmp_path / "out").exists()
        assert list(run_dir.glob("verify-*")) == []
        assert all(one.method == "PUT" or not one.secret_name for one in records_of(sandbox.journal))


def test_a_look_that_is_going_can_be_paused_and_slowed(tmp_path: Path) -> None:
    sandbox = small_service(secrets=200)
    project_of(sandbox).hidden.update(project_of(sandbox).names)
    out = tmp_path / "out"
    with served(sandbox, tmp_path) as tool:
        path = manifest(tmp_path, sandbox)
        with tool.start("verify", str(path), *to(tool, out, "--rate=20/s")) as running:
            wait_until(lambda: len(records_of(sandbox.journal)) > 3, running)
            assert "paused" in tool.run("set", str(out), "--pause").out
            held = len(records_of(sandbox.journal))
            assert tool.run("set", str(out), "--rate=50/s").code == 2
            assert len(records_of(sandbox.journal)) == held
            assert tool.run("set", str(out), "--rate=400/s", "--yes", "--continue").code == 0
            assert running.wait(30) == 1
    assert tool.run("report", str(out)).code == 2
