"""The examples for a fleet: objects that Kubernetes takes, units that systemd takes, shards that end as promised."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from batch.cli.app import app
from batch.csms.auth.oidc import OidcSession

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
KUBERNETES = EXAMPLES / "kubernetes"
UNIT = EXAMPLES / "systemd" / "csms-rekey-shard@.service"


def objects(name: str) -> dict[str, dict[str, Any]]:
    """Those of a file, by kind; there is one of each."""
    found = list(yaml.safe_load_all((KUBERNETES / name).read_text(encoding="utf-8")))
    assert len({one["kind"] for one in found}) == len(found)
    return {one["kind"]: one for one in found}


CAMPAIGN, FLEET = objects("fleet-campaign.yaml"), objects("fleet-job.yaml")
JOBS = (CAMPAIGN["Job"]["spec"], FLEET["Job"]["spec"])


def pod_of(job: dict[str, Any]) -> dict[str, Any]:
    return dict(job["template"]["spec"])


def container_of(job: dict[str, Any]) -> dict[str, Any]:
    [only] = pod_of(job)["containers"]
    return dict(only)


def given(job: dict[str, Any]) -> dict[str, str]:
    """The variables of its pod."""
    return {one["name"]: one["value"] for one in container_of(job)["env"]}


def test_each_shard_is_an_index_with_tries_of_its_own() -> None:
    """Which Kubernetes accepts with pods that are never restarted, and under no other name of the mode."""
    job = FLEET["Job"]["spec"]
    assert (job["completionMode"], pod_of(job)["restartPolicy"]) == ("Indexed", "Never")
    assert 0 < job["parallelism"] <= job["completions"]
    assert job["backoffLimitPerIndex"] > 0
    assert "backoffLimit" not in job, "it would bound all indexes together"
    # The only one that goes with a policy for failures.
    assert job["podReplacementPolicy"] == "Failed"
    assert "volumeClaimTemplates" not in job, "only a StatefulSet has them"


def test_a_pod_that_is_drained_costs_no_try_and_rows_to_fix_are_not_tried_again() -> None:
    """The first rule that fits decides."""
    ignored, failed = FLEET["Job"]["spec"]["podFailurePolicy"]["rules"]
    assert ignored == {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
    assert failed["action"] == "FailIndex"
    for job in JOBS:
        for rule in (rule["onExitCodes"] for rule in job["podFailurePolicy"]["rules"] if "onExitCodes" in rule):
            assert rule["containerName"] == container_of(job)["name"]
            assert rule["operator"] == "In"
            assert rule["values"] == sorted(set(rule["values"]) - {0}), "sorted, each once, and never 0"
    assert failed["onExitCodes"]["values"] == [1, 2]


@pytest.mark.parametrize("job", JOBS, ids=["campaign", "fleet"])
def test_the_pods_are_locked_down(job: dict[str, Any]) -> None:
    pod = pod_of(job)
    assert (pod["automountServiceAccountToken"], pod["enableServiceLinks"]) == (False, False)
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["fsGroup"] == pod["securityContext"]["runAsGroup"]
    assert container_of(job)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {one["name"] for one in container_of(job)["volumeMounts"]} == {one["name"] for one in pod["volumes"]}
    assert all(isinstance(value, str) for value in given(job).values())


def test_ledgers_are_on_a_disk_of_the_node_and_only_the_campaign_is_shared() -> None:
    volumes = {one["name"]: one for one in pod_of(FLEET["Job"]["spec"])["volumes"]}
    mounted = {one["mountPath"]: volumes[one["name"]] for one in container_of(FLEET["Job"]["spec"])["volumeMounts"]}
    words = container_of(FLEET["Job"]["spec"])["args"]
    assert "emptyDir" in mounted[words[words.index("--work") + 1]]
    claim = mounted[words[words.index("--dir") + 1]]["persistentVolumeClaim"]["claimName"]
    assert claim == CAMPAIGN["PersistentVolumeClaim"]["metadata"]["name"]
    assert CAMPAIGN["PersistentVolumeClaim"]["spec"]["accessModes"] == ["ReadWriteMany"]


def test_both_jobs_are_of_one_campaign() -> None:
    made, worked_on = map(container_of, JOBS)
    shards = made["args"][made["args"].index("--shards") + 1]
    assert int(shards) == FLEET["Job"]["spec"]["completions"]
    assert made["image"] == worked_on["image"]
    assert pod_of(JOBS[0])["serviceAccountName"] == pod_of(JOBS[1])["serviceAccountName"]
    assert pod_of(JOBS[1])["serviceAccountName"] == CAMPAIGN["ServiceAccount"]["metadata"]["name"]
    manifest = "/etc/csms-rekey/" + next(iter(CAMPAIGN["ConfigMap"]["data"]))
    assert manifest in made["args"]


def test_the_pods_log_in_by_a_token_of_their_own_and_no_key_is_stored() -> None:
    assert "Secret" not in {*CAMPAIGN, *FLEET}
    job = FLEET["Job"]["spec"]
    session = OidcSession.from_environment(given(job))
    assert session is not None
    assert given(job)["CSMS_REKEY_AUTH"] == "oidc"
    token = Path(given(job)["HUAWEICLOUD_OIDC_TOKEN_FILE"])
    [mount] = [one for one in container_of(job)["volumeMounts"] if one["mountPath"] == str(token.parent)]
    [volume] = [one for one in pod_of(job)["volumes"] if one["name"] == mount["name"]]
    [source] = volume["projected"]["sources"]
    assert source["serviceAccountToken"]["path"] == token.name
    assert volume["projected"]["defaultMode"] == 0o440


def test_a_pod_has_time_for_what_is_in_flight_its_reports_and_its_last_snapshot() -> None:
    assert pod_of(FLEET["Job"]["spec"])["terminationGracePeriodSeconds"] >= 180
    stop = re.search(r"^TimeoutStopSec=(\d+)$", UNIT.read_text(encoding="utf-8"), re.MULTILINE)
    assert stop is not None
    assert int(stop[1]) >= 180


def words_of_the_unit(shard: int) -> list[str]:
    """What systemd would call, with its own names for folders."""
    found = re.search(r"^ExecStart=\S+/csms-rekey (.*)$", UNIT.read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None
    return shlex.split(found[1].replace("%i", str(shard)).replace("%S", "/var/lib"))


def words_of_the_pod(index: int) -> list[str]:
    """What Kubernetes would call."""
    return [word.replace("$(JOB_COMPLETION_INDEX)", str(index)) for word in container_of(FLEET["Job"]["spec"])["args"]]


@pytest.mark.parametrize("words", [words_of_the_unit(3), words_of_the_pod(3)], ids=["systemd", "kubernetes"])
def test_a_shard_is_called_with_a_command_that_exists(words: list[str]) -> None:
    assert words[:3] == ["fleet", "shard", "3"]
    app.parse_args(words, print_error=False, exit_on_error=False)


def test_the_campaign_is_made_by_a_command_that_exists() -> None:
    app.parse_args(container_of(JOBS[0])["args"], print_error=False, exit_on_error=False)


def test_the_unit_is_never_restarted_for_rows_to_fix() -> None:
    lines = UNIT.read_text(encoding="utf-8").splitlines()
    assert {"RestartPreventExitStatus=1 2", "KillMode=mixed", "Type=oneshot"} <= set(lines)
