"""Secrets that are unlike the others, and logins that may not do everything."""

from collections import Counter

import pytest

from batch.sandbox.assembly import sandbox_of
from batch.sandbox.options import SandboxOptions
from batch.sandbox.rights import RIGHTS, parse_rights
from batch.sandbox.terms import Terms
from batch.sandbox.variety import KINDS, parse_mix
from batch.sandbox.world import Project
from tests.unit.sandbox.asking import Desk, json_of


def kinds_of(project: Project) -> Counter[str]:
    found: Counter[str] = Counter()
    for name, secret in project.secrets.items():
        found[secret.state.value] += 1
        found["hidden"] += name in project.hidden
        found["rotating"] += secret.auto_rotation
        found["staged"] += "release-1" in project.versions[name][0].version_stages
    return found


def test_a_mix_makes_about_its_share_of_each_kind_and_no_secret_is_of_two() -> None:
    mix = tuple(f"{kind}=10%" for kind in sorted(KINDS))
    sandbox = sandbox_of(SandboxOptions(secrets=1000, mix=mix, log=None), epoch_s=0.0)
    found = kinds_of(next(iter(sandbox.world.projects.values())))
    for kind in ("PENDING_DELETE", "FROZEN", "DISABLED", "hidden", "rotating", "staged"):
        assert 70 <= found[kind] <= 130, kind
    assert found["ENABLED"] >= 640


def test_a_mix_changes_no_name_no_key_and_no_other_secret() -> None:
    plain, mixed = (
        next(iter(sandbox_of(SandboxOptions(secrets=50, mix=mix), epoch_s=0.0).world.projects.values()))
        for mix in ((), ("frozen=20%",))
    )
    assert (plain.id, plain.keys, plain.names) == (mixed.id, mixed.keys, mixed.names)
    changed = [name for name in plain.names if plain.secrets[name] != mixed.secrets[name]]
    assert changed
    assert {mixed.secrets[name].state.value for name in changed} == {"FROZEN"}


def test_a_hidden_secret_is_of_an_enterprise_project() -> None:
    project = next(iter(sandbox_of(SandboxOptions(mix=("hidden=5%",)), epoch_s=0.0).world.projects.values()))
    assert project.hidden
    assert {project.secrets[name].enterprise_project_id == "0" for name in project.hidden} == {False}


@pytest.mark.parametrize(
    ("mix", "reason"),
    [
        (("frozen",), "expected a share"),
        (("frozen=2",), "expected a share"),
        (("cold=2%",), "unknown kind"),
        (("frozen=1%", "frozen=2%"), "given twice"),
        (("frozen=60%", "hidden=60%"), "more than 1"),
    ],
)
def test_a_mix_that_makes_no_sense_is_refused(mix: tuple[str, ...], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_mix(mix)


@pytest.mark.parametrize(
    ("right", "line", "status", "code"),
    [
        ("csms:secret:update", "PUT /v1/{p}/secrets/{s}", 403, "CSMS.0302"),
        ("csms:secret:get", "GET /v1/{p}/secrets/{s}", 403, "CSMS.0302"),
        ("csms:secret:list", "GET /v1/{p}/secrets", 403, "CSMS.0302"),
        ("csms:secret:listVersion", "GET /v1/{p}/secrets/{s}/versions", 403, "CSMS.0302"),
        ("csms:secret:createVersion", "POST /v1/{p}/secrets/{s}/versions", 403, "CSMS.0302"),
        ("kms:cmk:get", "POST /v1.0/{p}/kms/describe-key", 403, "KMS.0307"),
        ("kms:cmk:list", "POST /v1.0/{p}/kms/list-keys", 403, "KMS.0307"),
        ("iam:projects:listProjects", "GET /v3/projects", 403, 403),
    ],
)
def test_a_login_that_lacks_a_right_is_refused_that_and_nothing_else(
    desk: Desk, right: str, line: str, status: int, code: str | int
) -> None:
    body = {"key_id": desk.keys.new, "kms_key_id": desk.keys.new, "secret_string": "x"}
    assert desk.ask(line, body).status == 200
    service = desk.sandbox.exchange.service
    service.terms = Terms(denied=parse_rights([right]))
    answer = desk.ask(line, body)
    said = json_of(answer)
    said = said.get("error", said)
    assert (answer.status, said.get("error_code", said.get("code"))) == (status, code)
    assert right in said.get("error_msg", said.get("message"))
    service.terms = Terms(denied=parse_rights([one for one in RIGHTS if one != right]))
    assert desk.ask(line, body).status == 200


def test_an_unknown_right_is_refused() -> None:
    with pytest.raises(ValueError, match=r"right 'kms:cmk:delete': unknown, know csms:secret:createVersion, "):
        parse_rights(["kms:cmk:delete"])
