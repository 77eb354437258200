"""The examples for cron, Kubernetes and Airflow do what their pages say, as far as that can be tried here."""

import csv
import os
import re
import shlex
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import yaml

from batch.cli.app import app
from batch.csms.auth.oidc import OidcSession
from jobs.duration import parse_duration
from jobs.rules import KEY_PATTERN, PROJECT_PATTERN, key_check, name_fault, project_fault

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
# Says how it was called, then ends with the code in the variable CODE.
FAKE = '#!/bin/sh\necho "$@"\nexit "$CODE"\n'


def with_fake(folder: Path, code: int) -> dict[str, str]:
    """An environment whose csms-rekey only pretends, and ends with this code."""
    fake = folder / "csms-rekey"
    fake.write_text(FAKE)
    fake.chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}", "CODE": str(code)}


def kubernetes() -> dict[str, Any]:
    """The objects of the file, by kind."""
    objects = yaml.safe_load_all((EXAMPLES / "kubernetes" / "cronjob.yaml").read_text())
    return {one["kind"]: one for one in objects}


def pod() -> dict[str, Any]:
    """What the job runs."""
    return dict(kubernetes()["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"])


def container() -> dict[str, Any]:
    """The one container of the job."""
    [only] = pod()["containers"]
    return dict(only)


def called() -> dict[str, str]:
    """What each scheduler calls the tool with."""
    unit = (EXAMPLES / "systemd" / "csms-rekey.service").read_text()
    crontab = (EXAMPLES / "cron" / "crontab").read_text()
    found = {
        "systemd": re.search(r"^ExecStart=/opt/csms-rekey/bin/csms-rekey (.*)$", unit, re.MULTILINE),
        "cron": re.search(r"\$\(csms-rekey (.*) 2>&1\)", crontab),
    }
    return {name: match[1] for name, match in found.items() if match} | {"kubernetes": shlex.join(container()["args"])}


@pytest.mark.parametrize("scheduler", ["systemd", "cron", "kubernetes"])
def test_a_scheduler_calls_a_command_that_exists_with_one_directory_for_every_night(scheduler: str) -> None:
    command, manifest, *options = shlex.split(called()[scheduler])
    assert (command, Path(manifest).name, options[0]) == ("go", "secrets.csv", "--run-dir")
    assert Path(options[1]).name == "nightly"
    app.parse_args([command, manifest, *options], print_error=False, exit_on_error=False)


@pytest.mark.parametrize("code", [0, 1, 3])
def test_cron_mails_what_did_not_end_well_and_passes_the_exit_code_on(tmp_path: Path, code: int) -> None:
    """Five fields of time, a command that the shell takes, no per cent sign, which cron takes for a line break."""
    *settings, job = [
        line for line in (EXAMPLES / "cron" / "crontab").read_text().splitlines() if not line.startswith("#")
    ]
    assert all(re.fullmatch(r"[A-Z_]+=\S+", setting) for setting in settings)
    *times, command = job.split(maxsplit=5)
    assert all(re.fullmatch(r"\*|[0-9]+", time) for time in times)
    assert "%" not in command
    done = subprocess.run(
        ["/bin/sh", "-c", command], env=with_fake(tmp_path, code), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (code, f"{called()['cron']}\n" if code else "")


def test_the_cron_job_is_locked_down_and_handles_exit_codes() -> None:
    """As its page promises; time to finish is more than the grace of a run."""
    job = kubernetes()["CronJob"]
    assert (job["apiVersion"], job["spec"]["concurrencyPolicy"]) == ("batch/v1", "Forbid")
    spec = job["spec"]["jobTemplate"]["spec"]
    [codes] = [rule["onExitCodes"] for rule in spec["podFailurePolicy"]["rules"] if "onExitCodes" in rule]
    [[drained]] = [rule["onPodConditions"] for rule in spec["podFailurePolicy"]["rules"] if "onPodConditions" in rule]
    assert drained == {"type": "DisruptionTarget", "status": "True"}  # the schema requires both
    assert (codes["operator"], codes["values"]) == ("In", [1, 2, 3])
    assert pod()["terminationGracePeriodSeconds"] >= 60
    assert pod()["restartPolicy"] == "Never"  # or a policy for failures is refused
    assert pod()["automountServiceAccountToken"] is False
    assert pod()["enableServiceLinks"] is False
    assert pod()["securityContext"]["runAsNonRoot"] is True
    assert container()["name"] == codes["containerName"]
    assert container()["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {mount["name"] for mount in container()["volumeMounts"]} == {volume["name"] for volume in pod()["volumes"]}
    assert all(isinstance(item.get("value", ""), str) for item in container()["env"])


def test_everything_that_the_cron_job_names_is_in_the_same_file() -> None:
    """And its manifest is where the command looks for it, in a volume that can be written where it writes."""
    found = kubernetes()
    volumes = {
        one["name"]: one for one in found["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]["volumes"]
    }
    mounted = {one["mountPath"]: volumes[one["name"]] for one in container()["volumeMounts"]}
    named = {
        "ServiceAccount": pod()["serviceAccountName"],
        "ConfigMap": mounted["/etc/csms-rekey"]["configMap"]["name"],
        "PersistentVolumeClaim": mounted["/var/lib/csms-rekey"]["persistentVolumeClaim"]["claimName"],
    }
    assert {kind: found[kind]["metadata"]["name"] for kind in named} == named
    _, manifest, _, run_dir = container()["args"]
    assert manifest == "/etc/csms-rekey/" + next(iter(found["ConfigMap"]["data"]))
    assert Path(run_dir).parent == Path("/var/lib/csms-rekey")
    assert "Secret" not in found, "no key is stored"
    assert {"name": "CSMS_REKEY_AUTH", "value": "pod"} in container()["env"]


def seconds(name: str) -> float:
    """A limit of time that the job sets."""
    [value] = [item["value"] for item in container()["env"] if item["name"] == name]
    return parse_duration(value)


def test_a_night_of_the_cron_job_ends_in_time_whatever_happens_in_it() -> None:
    """A run that ends by its own rule writes its reports; the deadline is for pods that followed one another."""
    deadline = kubernetes()["CronJob"]["spec"]["jobTemplate"]["spec"]["activeDeadlineSeconds"]
    assert seconds("CSMS_REKEY_MAX_OUTAGE") < seconds("CSMS_REKEY_MAX_DURATION") < deadline < 5 * 3600


def test_the_cron_job_alerts_somebody_if_a_secret_names_where() -> None:
    """And runs without that secret; the path of such an address is a password."""
    [url] = [item for item in container()["env"] if item["name"] == "CSMS_REKEY_NOTIFY_URL"]
    assert url["valueFrom"]["secretKeyRef"] == {"name": "csms-rekey-alert", "key": "url", "optional": True}
    page = (EXAMPLES.parent / "kubernetes.md").read_text()
    assert "kubectl create secret generic csms-rekey-alert --from-file=url=" in page


def test_the_rows_of_the_cron_job_are_valid() -> None:
    """The file is copied and adapted, so it must work as a start."""
    [text] = kubernetes()["ConfigMap"]["data"].values()
    for row in csv.DictReader(text.splitlines()):
        assert name_fault(row["secret_name"]) is None
        assert key_check(KEY_PATTERN)(row["kms_key_id"]) is None
        assert project_fault(PROJECT_PATTERN, row["project_id"]) is None


def workflow() -> dict[str, Any]:
    """The one job of the workflow."""
    jobs = yaml.safe_load((EXAMPLES / "github" / "csms-rekey.yml").read_text())["jobs"]
    [only] = jobs.values()
    return dict(only)


def test_the_workflow_logs_in_by_openid_connect_and_holds_no_secret() -> None:
    text = (EXAMPLES / "github" / "csms-rekey.yml").read_text()
    assert "${{ secrets" not in text
    assert workflow()["permissions"] == {"contents": "read", "id-token": "write"}
    given = {**workflow()["env"], "ACTIONS_ID_TOKEN_REQUEST_URL": "https://x"}
    session = OidcSession.from_environment(given)
    assert session is not None
    assert session.name == "agency rekey of 0123456789abcdef0123456789abcdef"
    assert workflow()["env"]["CSMS_REKEY_AUTH"] == "oidc"


def test_the_workflow_keeps_the_run_directory_of_a_run_that_did_not_end_well() -> None:
    """Its ledger is what a later run continues from; actions/cache saves it only after a success."""
    steps = workflow()["steps"]
    used = [step.get("uses", "").partition("@")[0] for step in steps]
    assert used.index("actions/cache/restore") < used.index("actions/cache/save")
    restored, saved = (steps[used.index(f"actions/cache/{half}")] for half in ("restore", "save"))
    assert (restored["with"]["path"], restored["with"]["key"]) == (saved["with"]["path"], saved["with"]["key"])
    assert saved["if"].startswith("always()")


def test_the_workflow_calls_commands_that_exist() -> None:
    lines = [line for step in workflow()["steps"] for line in step.get("run", "").splitlines()]
    called = [shlex.split(line)[1:] for line in lines if line.startswith("csms-rekey ")]
    assert [words[0] for words in called] == ["check", "go"]
    for words in called:
        app.parse_args(words, print_error=False, exit_on_error=False)


class FailedError(Exception):
    """Airflow tries again."""


class FailedForGoodError(FailedError):
    """Airflow does not."""


class Hook:
    """What Airflow's hook does with a command: waits for it, and tells its exit code."""

    def run_command(self, command: list[str], env: dict[str, str]) -> SimpleNamespace:
        self.signalled = 0
        self.command = command
        done = subprocess.run(command, env=env, capture_output=True, check=False)
        return SimpleNamespace(exit_code=done.returncode)

    def send_sigterm(self) -> None:
        self.signalled += 1


class Operator:
    """One task, with its options."""

    made: "list[Operator]"

    def __init__(self, **options: Any) -> None:
        self.options = options
        self.made.append(self)


@pytest.fixture
def operator(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The DAG's one operator; Airflow itself is only pretended."""
    Operator.made = []
    hooks = "airflow.providers.standard.hooks"
    names = ("airflow", "airflow.providers", "airflow.providers.standard", hooks)
    fakes = {name: ModuleType(name) for name in (*names, f"{hooks}.subprocess", "airflow.exceptions", "airflow.sdk")}
    vars(fakes[f"{hooks}.subprocess"])["SubprocessHook"] = Hook
    vars(fakes["airflow.exceptions"]).update(AirflowException=FailedError, AirflowFailException=FailedForGoodError)
    vars(fakes["airflow.sdk"]).update(BaseOperator=Operator, DAG=lambda **_: nullcontext())
    for name, module in fakes.items():
        monkeypatch.setitem(sys.modules, name, module)
    source = (EXAMPLES / "airflow" / "csms_rekey_dag.py").read_text()
    exec(compile(source, "csms_rekey_dag.py", "exec"), {"__name__": "dag"})  # noqa: S102 - our own example
    [only] = Operator.made
    return only


@pytest.mark.parametrize(
    ("code", "ends_as"),
    [
        (0, None),
        (1, FailedForGoodError),
        (2, FailedForGoodError),
        (3, FailedForGoodError),
        *((code, FailedError) for code in (4, 70, 74, 129, 130, 143)),
    ],
)
def test_airflow_tries_again_what_another_try_can_mend_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, operator: Any, code: int, ends_as: type[FailedError] | None
) -> None:
    for name, value in with_fake(tmp_path, code).items():
        monkeypatch.setenv(name, value)
    ended: type[FailedError] | None = None
    try:
        operator.execute({})
    except FailedError as error:
        ended = type(error)
    assert ended is ends_as
    assert operator.hook.command[:2] == ["csms-rekey", "go"]
    operator.on_kill()
    assert operator.hook.signalled == 1
    assert operator.options["retries"] > 0
