"""The judges of a campaign: what commands wrote passes, and each lie that is put into their files is noticed."""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from batch.telemetry.log import silence_log
from jobs.model import Status
from tests.campaign.judge import Look, calmly, led_back, planned, retired, table, verified
from tests.campaign.process import Command, Machine
from tests.campaign.world import Watched
from tests.e2e.tool import outcomes_in
from tests.engine.machine import ENDPOINT
from tests.engine.places import room
from tests.engine.plans import Plan
from tests.engine.rows import project_of, small_service
from tests.kit.records import records_of
from tests.oracle import Asked


@dataclass(slots=True)
class Rotation:
    """A small rotation that went well, and how each of its results is judged."""

    folder: Path
    looks: dict[str, Look]
    asked: Sequence[Asked]

    def wrong(self, kind: str) -> list[str]:
        look = self.looks.get(kind)
        match kind, look:
            case "plan", Look():
                return list(planned(look, 0, leave=[self.asked[0].expected_kms_key_id or ""]))
            case "verify", Look():
                return list(verified(look, self.asked, 0))
            case "retire", Look():
                code = json.loads((look.folder / "retire.json").read_bytes())["exit_code"]
                return list(retired(look, code, known=frozenset()))
            case _:
                return list(led_back(self.folder / "back.csv", self.asked, outcomes_in(self.folder / "run"), 0))


@pytest.fixture(scope="module")
def rotation() -> Iterator[Rotation]:
    folder = room()
    silence_log()
    watched = Watched(plan=Plan({}), weather=None)
    sandbox = watched.sandbox = small_service(secrets=3, faults=watched)
    (folder / "work").mkdir()
    (folder / "locks").mkdir(mode=0o700)
    machine, work, project = Machine(sandbox, folder / "work", folder / "locks"), folder / "work", project_of(sandbox)
    keys, place = project.key_ids, (f"--endpoint={ENDPOINT}", f"--project-id={project.id}")
    looks = {}
    for kind, argv in {
        "plan": (f"--old-key={keys.old}", f"--new-key={keys.new}", *place, f"--out={work / 'plan'}"),
        "run": (str(work / "plan"), f"--run-dir={work / 'run'}", "--progress=off"),
        "verify": (str(work / "run"), f"--out={work / 'verify'}"),
        "retire": (str(work / "run"), f"--out={work / 'retire'}"),
        "rollback": (str(work / "run"), f"--out={work / 'back.csv'}"),
    }.items():
        ended = machine.run(Command(argv=(kind, *argv), seed=1))
        assert ended.code == (kind == "retire"), ended.err
        records = [records_of(sandbox.journal)[number - 1] for number in ended.numbers]
        looks[kind] = Look(folder=work / kind, watched=watched, records=records, calm=True)
    asked = [
        Asked(row=row, project_id=project.id, secret_name=name, kms_key_id=keys.new, expected_kms_key_id=keys.old)
        for row, name in enumerate(project.names, 1)
    ]
    yield Rotation(folder=work, looks=looks, asked=asked)
    shutil.rmtree(folder)


def another_key(text: str) -> str:
    """In place of the key of the first secret."""
    head, first, *rest = text.splitlines(keepends=True)
    cells = first.split(",")
    cells[4] = "11111111-1111-1111-1111-111111111111"
    return "".join([head, ",".join(cells), *rest])


def without_the_last(text: str) -> str:
    return "".join(text.splitlines(keepends=True)[:-1])


def free(text: str) -> str:
    return text.replace('"needed"', '"free"').replace('"exit_code": 1', '"exit_code": 0')


LIES: list[tuple[str, str, Callable[[str], str]]] = [
    ("plan", "plan/preview.csv", another_key),
    ("plan", "plan/preview.csv", without_the_last),
    ("plan", "plan/manifest.csv", without_the_last),
    ("verify", "verify/verify.csv", another_key),
    ("verify", "verify/verify.csv", lambda text: text.replace("holds", "missing", 1)),
    ("verify", "verify/verify.csv", without_the_last),
    ("retire", "retire/retire.json", free),
    ("retire", "retire/key-use.csv", another_key),
    ("rollback", "back.csv", without_the_last),
    ("rollback", "back.csv", lambda text: text + text.splitlines()[-1] + "\n"),
    ("rollback", "back.csv.left-out.csv", lambda text: text + "9,a,lost\n"),
]


@pytest.mark.parametrize(("kind", "name", "lie"), LIES)
def test_what_was_written_passes_and_a_lie_in_it_does_not(
    rotation: Rotation, kind: str, name: str, lie: Callable[[str], str]
) -> None:
    path = rotation.folder / name
    true = path.read_text(encoding="utf-8")
    assert rotation.wrong(kind) == []
    path.write_text(lie(true), encoding="utf-8")
    try:
        assert rotation.wrong(kind)
    finally:
        path.write_text(true, encoding="utf-8")


def test_a_calm_run_that_leaves_a_row_or_loses_a_key_before_is_noticed(rotation: Rotation) -> None:
    look, claims = rotation.looks["run"], outcomes_in(rotation.folder / "run")
    then = look.moments()[0]
    first, *rest = claims
    assert list(calmly(rotation.asked, claims, then)) == []
    for change in ({"before_kms_key_id": None}, {"status": Status.DRIFTED}):
        lied = (msgspec.structs.replace(first, **change), *rest)
        assert list(calmly(rotation.asked, lied, then))


def test_a_look_that_writes_is_noticed(rotation: Rotation) -> None:
    assert list(rotation.looks["run"].only_reads())
    assert len(table(rotation.folder / "back.csv")) == len(rotation.asked)
