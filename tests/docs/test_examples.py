"""The examples under docs/ do what their pages say, as far as that can be tried here."""

import ast
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
NIGHTLY = EXAMPLES / "nightly.sh"
# Ends with the code in the file `code`, or waits for a signal and ends with 143; notes how it was called.
FAKE = """#!/bin/sh
echo "$@" >> calls
[ "$1" = run ] && mkdir -p "$4"
code=$(cat code)
if [ "$code" = wait ]; then
    trap 'echo term >> calls; exit 143' TERM
    touch waiting
    while :; do sleep 0.01; done
fi
exit "$code"
"""


class Nightly:
    """The script with a csms-rekey that only pretends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        fake = folder / "csms-rekey"
        fake.write_text(FAKE)
        fake.chmod(0o755)
        self.environment = {
            "PATH": f"{folder}:{os.environ['PATH']}",
            "CSMS_REKEY_MANIFEST": "secrets.csv",
            "CSMS_REKEY_STATE": str(folder / "state"),
        }

    def start(self, code: str) -> "subprocess.Popen[bytes]":
        """Calls the script; its csms-rekey will end so."""
        (self.folder / "code").write_text(code)
        return subprocess.Popen([NIGHTLY], cwd=self.folder, env=self.environment)

    def run(self, code: int) -> int:
        """The same to its end."""
        with self.start(str(code)) as process:
            return process.wait(20)

    def calls(self) -> list[str]:
        """What csms-rekey was asked, without the names of run directories."""
        path = self.folder / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return [re.sub(r"\S*/runs/\S+", "RUN", line) for line in lines]


@pytest.fixture
def nightly(tmp_path: Path) -> Nightly:
    """In a folder of its own."""
    return Nightly(tmp_path)


@pytest.mark.parametrize("code", [0, 1])
def test_a_finished_run_is_followed_by_a_new_one(nightly: Nightly, code: int) -> None:
    """Its exit code is passed on."""
    assert nightly.run(code) == code
    assert nightly.run(code) == code
    assert nightly.calls() == ["run secrets.csv --run-dir RUN"] * 2


@pytest.mark.parametrize("code", [3, 70, 74, 130, 143])
def test_a_stopped_run_is_resumed_and_then_followed_by_a_new_one(nightly: Nightly, code: int) -> None:
    """As often as it takes; a new one begins only when the old one is done."""
    assert nightly.run(code) == code
    assert nightly.run(code) == code
    assert nightly.calls() == ["run secrets.csv --run-dir RUN", "resume RUN"]
    assert nightly.run(0) == 0
    assert nightly.calls() == ["resume RUN", "run secrets.csv --run-dir RUN"]


def test_a_run_that_left_no_directory_is_not_resumed(nightly: Nightly) -> None:
    """Nothing was sent: wrong use, or another run was at work."""
    assert nightly.run(2) == 2
    shutil.rmtree(nightly.folder / "state" / "runs")
    assert nightly.run(0) == 0
    assert nightly.calls() == ["run secrets.csv --run-dir RUN"] * 2


def test_a_signal_is_passed_on_and_waited_for(nightly: Nightly) -> None:
    """Once; the exit code is that of csms-rekey, and the next call resumes."""
    with nightly.start("wait") as process:
        while not (nightly.folder / "waiting").exists():
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 143
    assert nightly.calls() == ["run secrets.csv --run-dir RUN", "term"]
    assert nightly.run(3) == 3
    assert nightly.calls() == ["resume RUN"]


def test_the_crontab_is_one() -> None:
    """Five fields of time, a command that the shell takes, no per cent sign, which cron takes for a line break."""
    *settings, job = [
        line for line in (EXAMPLES / "cron" / "crontab").read_text().splitlines() if not line.startswith("#")
    ]
    assert all(re.fullmatch(r"[A-Z_]+=\S+", setting) for setting in settings)
    *times, command = job.split(maxsplit=5)
    assert all(re.fullmatch(r"\*|[0-9]+", time) for time in times)
    assert "%" not in command
    for code, output in ((0, ""), (3, "some words\n")):
        called = command.replace("/opt/csms-rekey/nightly.sh", f"{{ echo some words; exit {code}; }}")
        told = subprocess.run(["/bin/sh", "-c", called], capture_output=True, text=True, check=False)
        assert (told.returncode, told.stdout) == (code, output)


def test_the_cron_job_is_locked_down_and_handles_exit_codes() -> None:
    """As its page promises; time to finish is more than the grace of a run."""
    job: Any = yaml.safe_load((EXAMPLES / "kubernetes" / "cronjob.yaml").read_text())
    assert (job["apiVersion"], job["kind"], job["spec"]["concurrencyPolicy"]) == ("batch/v1", "CronJob", "Forbid")
    spec = job["spec"]["jobTemplate"]["spec"]
    [codes] = [rule["onExitCodes"] for rule in spec["podFailurePolicy"]["rules"] if "onExitCodes" in rule]
    assert (codes["operator"], codes["values"]) == ("In", [1, 2])
    pod = spec["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] >= 60
    assert pod["restartPolicy"] == "Never"  # or a policy for failures is refused
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    [container] = pod["containers"]
    assert container["name"] == codes["containerName"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
    assert all(isinstance(item["value"], str) for item in container["env"])


def test_the_image_runs_as_nobody_and_gets_signals() -> None:
    """The entry point is no shell, and all that is copied exists."""
    text = (EXAMPLES / "docker" / "Dockerfile").read_text()
    lines = [line for line in text.replace("\\\n", " ").splitlines() if line and not line.startswith("#")]
    words = [line.split(maxsplit=1) for line in lines]
    last = {key: value for key, value in words}  # noqa: C416 - later ones count
    assert last["USER"] == "10001"
    assert ast.literal_eval(last["ENTRYPOINT"]) == ["csms-rekey"]
    assert last["STOPSIGNAL"] == "SIGTERM"
    for key, value in words:
        if key == "COPY" and not value.startswith("--from"):
            for source in shlex.split(value)[:-1]:
                assert source == "README.md" or (EXAMPLES.parents[1] / source).exists(), source


def test_the_dag_resumes_what_its_last_try_began(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow is only pretended; the command is what its shell would run."""
    operators: list[dict[str, Any]] = []

    class Dag:
        def __init__(self, **options: Any) -> None:
            assert options["max_active_runs"] == 1

        def __enter__(self) -> None: ...

        def __exit__(self, *_error: object) -> None: ...

    bash = "airflow.providers.standard.operators.bash"
    parents = ("airflow", "airflow.providers", "airflow.providers.standard", "airflow.providers.standard.operators")
    fakes = {name: ModuleType(name) for name in (*parents, bash, "airflow.sdk")}
    vars(fakes["airflow.sdk"])["DAG"] = Dag
    vars(fakes[bash])["BashOperator"] = lambda **options: operators.append(options)
    for name, module in fakes.items():
        monkeypatch.setitem(sys.modules, name, module)
    source = (EXAMPLES / "airflow" / "csms_rekey_dag.py").read_text()
    exec(compile(source, "csms_rekey_dag.py", "exec"), {"__name__": "dag"})  # noqa: S102 - our own example
    [operator] = operators
    run = tmp_path / "run"
    command = operator["bash_command"].replace("/var/lib/csms-rekey/runs/{{ ts_nodash }}", str(run))
    assert "{{" not in command
    fake = tmp_path / "csms-rekey"
    fake.write_text('#!/bin/sh\necho "$@"\nexit 3\n')
    fake.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", **operator["env"]}
    told = []
    for _ in range(2):
        done = subprocess.run(
            ["/bin/bash", "-c", command], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 3
        told.append(done.stdout.split()[0])
        run.mkdir(exist_ok=True)
    assert told == ["run", "resume"]
