"""Commands that look, killed at each file that they write: the same command finishes them, with all of their files."""

import hashlib
from pathlib import Path

import pytest

from batch.telemetry.log import silence_log
from tests.campaign.process import Command, Machine
from tests.engine.crash import FILES, CrashPoint
from tests.engine.machine import ENDPOINT
from tests.engine.rows import project_of, small_service

RESULTS = {
    "plan": {"plan.json", "plan.html", "manifest.csv", "preview.csv", "uncovered.csv"},
    "retire": {"retire.json", "retire.html", "key-use.csv"},
    "verify": {"verify.json", "verify.html", "verify.csv"},
}


def machine(folder: Path) -> Machine:
    silence_log()
    for name in ("work", "locks"):
        (folder / name).mkdir(mode=0o700)
    return Machine(small_service(secrets=3), folder / "work", folder / "locks")


def words(on: Machine, kind: str) -> tuple[str, ...]:
    project = project_of(on.sandbox)
    keys, manifest = project.key_ids, on.folder / "m.csv"
    manifest.write_text(f"secret_name,kms_key_id,project_id\n{project.names[0]},{keys.old},{project.id}\n")
    place = (f"--endpoint={ENDPOINT}", f"--out={on.folder / kind}")
    match kind:
        case "plan":
            return ("plan", f"--old-key={keys.old}", f"--new-key={keys.new}", f"--project-id={project.id}", *place)
        case "retire":
            return ("retire", f"--old-key={keys.old}", f"--project-id={project.id}", *place)
        case _:
            return ("verify", str(manifest), *place)


def sums(folder: Path) -> dict[str, str]:
    lines = (line.split("  ") for line in (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines())
    return {name: digest for digest, name in lines}


@pytest.mark.parametrize("kind", RESULTS)
def test_one_that_was_killed_at_any_of_its_files_is_finished_by_the_same_command(tmp_path: Path, kind: str) -> None:
    for nth in range(1, 30):
        folder = tmp_path / f"{nth}"
        folder.mkdir()
        on = machine(folder)
        argv = words(on, kind)
        if on.run(Command(argv=argv, seed=1, crash=CrashPoint(FILES[0], nth))).code is not None:
            assert nth > len(RESULTS[kind])
            return
        on.run(Command(argv=argv, seed=1))
        out = on.folder / kind
        found = {name: hashlib.sha256((out / name).read_bytes()).hexdigest() for name in RESULTS[kind]}
        assert found.items() <= sums(out).items(), (nth, sums(out))
