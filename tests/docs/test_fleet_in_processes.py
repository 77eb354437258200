"""The calls of the examples for a fleet, as real processes on one folder: indexed pods, and a unit under its filter."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from batch.sandbox.assembly import Sandbox
from jobs.rate import Rate
from tests.docs.confined import unusable
from tests.docs.test_fleet_examples import FLEET, UNIT, container_of, words_of_the_unit
from tests.docs.test_systemd import CONFINED
from tests.e2e.tool import PYTHON, ROOT, Tool, environment, manifest_of, outcomes_in, served, wait_until
from tests.engine.rows import moves, small_service
from tests.fleet.campaigns import TIMES, campaign_in, end_of
from tests.kit.records import records_of

SHARDS = 3


def service() -> Sandbox:
    return small_service(secrets=90, projects=6)


def put_names(sandbox: Sandbox) -> list[str]:
    return [str(one.secret_name) for one in records_of(sandbox.journal) if one.method == "PUT"]


class Pod:
    """What Kubernetes starts for an index: the arguments of the file, the variable that it sets, and a new disk."""

    def __init__(self, folder: Path, index: int, token: str, name: str) -> None:
        self.disk = folder / name
        self.disk.mkdir()
        args = [
            word.replace("$(JOB_COMPLETION_INDEX)", str(index)) for word in container_of(FLEET["Job"]["spec"])["args"]
        ]
        words = [*PYTHON, *(self._here(word, folder) for word in args), f"--lease-times={TIMES}", "--auth=token"]
        self.process = subprocess.Popen(
            words, cwd=ROOT, env=environment(folder, token, {"CSMS_REKEY_BEFORE": ""}), stderr=subprocess.PIPE
        )

    def _here(self, word: str, folder: Path) -> str:
        return {"/campaign": str(folder / "campaign"), "/var/lib/csms-rekey": str(self.disk)}.get(word, word)

    def is_lost(self) -> None:
        """With its disk."""
        self.process.kill()
        self.process.communicate()
        shutil.rmtree(self.disk)

    def ends(self) -> int:
        _, said = self.process.communicate(timeout=60)
        assert b"Traceback" not in said, said.decode()
        return self.process.returncode


def test_each_index_does_its_shard_and_a_pod_that_is_lost_with_its_disk_is_replaced(tmp_path: Path) -> None:
    sandbox = service()
    asked = moves(sandbox)
    with served(sandbox, tmp_path, latency_ms=5) as tool:
        url = tool.to(tmp_path)[0].partition("=")[2]
        storage = campaign_in(tmp_path / "campaign", manifest_of(asked), url, shards=SHARDS, rate=Rate(20.0))
        pods = [Pod(tmp_path, index, sandbox.token, f"pod-{index}") for index in range(SHARDS)]
        wait_until(lambda: len(put_names(sandbox)) >= 30, pods[1].process)
        pods[1].is_lost()
        pods[1] = Pod(tmp_path, 1, sandbox.token, "pod-1-again")
        assert [pod.ends() for pod in pods] == [0] * SHARDS
    assert set(put_names(sandbox)) == {one.secret_name for one in asked}
    assert [end_of(storage, index).epoch for index in range(SHARDS)] == [1, 2, 1]
    rows = [claim.row for pod in pods for run in pod.disk.glob("*/run") for claim in outcomes_in(run)]
    assert sorted(rows) == list(range(1, len(asked) + 1))


def on_this_machine(words: Sequence[str], folder: Path) -> list[str]:
    """The folders of a unit, below one of the test's."""
    return [str(folder / word.lstrip("/")) if word.startswith(("/srv", "/var")) else word for word in words]


@pytest.mark.skipif(unusable() is not None, reason=str(unusable()))
def test_the_unit_works_on_its_shard_under_its_own_filter(tmp_path: Path) -> None:
    sandbox = service()
    asked = moves(sandbox)
    with served(sandbox, tmp_path) as tool:
        url = tool.to(tmp_path)[0].partition("=")[2]
        storage = campaign_in(tmp_path / "srv" / "campaign", manifest_of(asked), url, shards=SHARDS)
        for index in range(SHARDS):
            assert confined(tool, on_this_machine(words_of_the_unit(index), tmp_path)) == 0
    assert sorted(put_names(sandbox)) == sorted(one.secret_name for one in asked)
    assert [end_of(storage, index).exit_code for index in range(SHARDS)] == [0] * SHARDS


def confined(tool: Tool, words: Sequence[str]) -> int:
    before = [sys.executable, str(CONFINED), str(UNIT)]
    with tool.start(*words, f"--lease-times={TIMES}", before=before) as running:
        _, said = running.communicate(timeout=60)
    assert b"Traceback" not in said, said.decode()
    return running.returncode


def test_the_folder_for_machines_without_a_scheduler_is_made_once_and_its_shards_merged(tmp_path: Path) -> None:
    """As the page has it for virtual machines."""
    sandbox = service()
    manifest = tmp_path / "secrets.csv"
    manifest.write_bytes(manifest_of(moves(sandbox)))
    folder = str(tmp_path / "campaign")
    with served(sandbox, tmp_path) as tool:
        endpoint = tool.to(tmp_path)[0]
        made = ("fleet", "run", str(manifest), "--dir", folder, endpoint, "--rate=unlimited")
        assert tool.run(*made).code == 2, "the number of shards is missing"
        done = tool.run(*made, "--shards", str(SHARDS))
        assert (done.code, put_names(sandbox)) == (0, [])
        assert tool.run(*made, "--shards", str(SHARDS)).code == 0
        assert tool.run(*made, "--shards", str(SHARDS + 1)).code == 2
        for index in range(SHARDS):
            words = ("fleet", "shard", str(index), "--dir", folder, "--work", str(tmp_path / "work"))
            assert tool.run(*words, f"--lease-times={TIMES}").code == 0
        merged = tool.run("merge", folder, "--into", str(tmp_path / "whole"))
        assert merged.code == 0, merged.err
    assert len(outcomes_in(tmp_path / "whole")) == len(put_names(sandbox)) == 90
