"""The tool as a pod, a CI job, a federated user and an agency start it, with nothing but what each of them has."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from batch.sandbox.checks import AuthMode
from batch.sandbox.platform import TRUST
from batch.sandbox.signatures import access_key_of
from batch.sandbox.wire import Arrival
from tests.e2e.test_logins import CRASH, FAST, IN_THE_WIRE, REGION, ROWS, WRONG, Ended, Stage, run, serving, tell
from tests.kit.records import records_of

KINDS = ["pod", "oidc", "github", "federated"]
TRUSTED = ("--agency", TRUST.agency, "--agency-domain", TRUST.agency_domain)
ASSUMED = {"HW_ASSUME_ROLE_AGENCY_NAME": TRUST.agency, "HW_ASSUME_ROLE_DOMAIN_NAME": TRUST.agency_domain}


def kept(folder: Path, token: str) -> Path:
    """A token in a file, which is there at once as a whole: so the platform does it."""
    fresh = folder / "token.new"
    fresh.write_text(token, encoding="ascii")
    fresh.chmod(0o600)
    return fresh.rename(folder / "token")


def environment(stage: Stage, folder: Path, kind: str, *, token: str = "") -> dict[str, str]:
    """What there is where a job of this kind runs."""
    file = str(kept(folder, token or stage.sandbox.directory.platform.token))
    given = {
        "pod": {
            "KUBERNETES_SERVICE_HOST": "10.247.0.1",
            "HC_CONTAINER_CREDENTIALS_FULL_URI": f"{stage.url}/v1/credentials",
            "HC_CONTAINER_AUTHORIZATION_TOKEN_FILE": file,
        },
        "github": {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{stage.url}/ci/token?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": stage.sandbox.directory.platform.request_token,
            "HUAWEICLOUD_OIDC_PROVIDER_URN": TRUST.provider_urn,
            "HUAWEICLOUD_OIDC_AGENCY_URN": TRUST.agency_urn,
            "HUAWEICLOUD_SDK_STS_ENDPOINT": stage.url,
        },
        "oidc": {
            "HUAWEICLOUD_OIDC_PROVIDER_URN": TRUST.provider_urn,
            "HUAWEICLOUD_OIDC_AGENCY_URN": TRUST.agency_urn,
            "HUAWEICLOUD_OIDC_TOKEN_FILE": file,
            "HUAWEICLOUD_SDK_STS_ENDPOINT": stage.url,
        },
        "federated": {
            "HUAWEICLOUD_SDK_IDP_ID": TRUST.idp_id,
            "HUAWEICLOUD_SDK_ID_TOKEN_FILE": file,
            "HUAWEICLOUD_SDK_IAM_ENDPOINT": stage.url,
        },
    }
    base = stage.environment("none")
    del base["HUAWEICLOUD_SDK_IAM_ENDPOINT"]
    return base | given[kind]


@contextmanager
def turning_over(stage: Stage, folder: Path) -> Iterator[None]:
    """The platform puts a new token into the file every 0.1 s, and each is good for less than a second."""
    over = threading.Event()
    platform, began_s = stage.sandbox.directory.platform, time.monotonic()

    def keep() -> None:
        while not over.wait(0.1):
            kept(folder, platform.vouch(time.monotonic() - began_s, life_s=0.8))

    keeper = threading.Thread(target=keep)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join()


class Signers:
    """Notes with which access key each update is signed."""

    def __init__(self, stage: Stage) -> None:
        self.seen: set[str] = set()
        stage.sandbox.exchange._faults = self

    def decide(self, arrival: Arrival) -> None:
        if arrival.is_update:
            self.seen.add(access_key_of(arrival.request.headers.get("Authorization", "")) or "a token")


def was_done(ended: Ended, stage: Stage) -> None:
    assert (ended.code, ended.statuses) == (0, {"updated": ROWS}), ended.out
    assert stage.wrong_signatures == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_job_without_any_stored_key_does_its_whole_work(tmp_path: Path, kind: str) -> None:
    with serving(auth=AuthMode.SIGNED) as stage:
        ended = run(stage, tmp_path, environment(stage, tmp_path, kind), *FAST)
        was_done(ended, stage)
        login = msgspec.json.decode((ended.folder / "summary.json").read_bytes())["sessions"][0]["login"]
        assert login.startswith(
            {"pod": "pod identity", "federated": "federated"}.get(kind, "OpenID Connect, agency rekey of")
        )


def test_a_ci_job_whose_token_is_in_a_variable_does_too(tmp_path: Path) -> None:
    with serving(auth=AuthMode.SIGNED) as stage:
        given = environment(stage, tmp_path, "oidc")
        del given["HUAWEICLOUD_OIDC_TOKEN_FILE"]
        given["HUAWEICLOUD_OIDC_ID_TOKEN"] = stage.sandbox.directory.platform.token
        was_done(run(stage, tmp_path, given, *FAST), stage)


def test_an_identity_provider_named_in_the_credentials_file_does_too(tmp_path: Path) -> None:
    with serving(auth=AuthMode.SIGNED) as stage:
        given = environment(stage, tmp_path, "federated")
        path = tmp_path / "credentials"
        lines = ["[basic]", f"idp_id = {given.pop('HUAWEICLOUD_SDK_IDP_ID')}"]
        lines.append(f"id_token_file = {given.pop('HUAWEICLOUD_SDK_ID_TOKEN_FILE')}")
        lines.append(f"iam_endpoint = {given.pop('HUAWEICLOUD_SDK_IAM_ENDPOINT')}")
        path.write_text("\n".join(lines), encoding="ascii")
        path.chmod(0o600)
        was_done(run(stage, tmp_path, given | {"HUAWEICLOUD_SDK_CREDENTIALS_FILE": str(path)}, *FAST), stage)


@pytest.mark.parametrize("kind", ["pod", "github", "federated"])
def test_keys_and_tokens_that_end_on_the_way_are_renewed_and_cost_no_row(tmp_path: Path, kind: str) -> None:
    with serving(key_life_s=0.6) as stage, turning_over(stage, tmp_path):
        given = environment(stage, tmp_path, kind, token=stage.sandbox.directory.platform.vouch(0.0, life_s=3.0))
        signers = Signers(stage)
        ended = run(stage, tmp_path, given, "--rate", "20/s", "--max-attempts", "1")
        was_done(ended, stage)
        assert len(signers.seen) > 1


@pytest.mark.parametrize("auth", ["aksk", "iam", "ecs"])
def test_an_agency_is_taken_on_with_any_login_and_renewed(tmp_path: Path, auth: str) -> None:
    with serving(key_life_s=0.6) as stage:
        signers = Signers(stage)
        given = stage.environment(auth) | ({} if auth == "aksk" else ASSUMED)
        ended = run(stage, tmp_path, given, *(TRUSTED if auth == "aksk" else ()), "--rate", "20/s")
        was_done(ended, stage)
        assert len(signers.seen) > 1
        assert not signers.seen & {"a token", stage.sandbox.directory.access_key.ak}
        assert stage.asked("/v3.0/OS-CREDENTIAL/securitytokens") >= len(signers.seen)


def test_a_resume_takes_on_the_agency_of_its_job_although_it_is_not_named(tmp_path: Path) -> None:
    with serving() as stage:
        stopped = run(stage, tmp_path, stage.environment("aksk"), *TRUSTED, "--rate", "1/s", "--max-duration", "1")
        assert stopped.code == 3, stopped.out
        signers = Signers(stage)
        code, out = tell(
            stage, tmp_path, stage.environment("aksk"), str(stopped.folder), "--rate=unlimited", "--max-duration=60",
            command="resume",
        )  # fmt: skip
        assert code == 0, out
        assert signers.seen
        assert stage.sandbox.directory.access_key.ak not in signers.seen


def test_a_resume_takes_on_no_agency_that_its_job_did_not_have(tmp_path: Path) -> None:
    with serving() as stage:
        stopped = run(stage, tmp_path, stage.environment("aksk"), "--rate", "1/s", "--max-duration", "1")
        assert stopped.code == 3, stopped.out
        given = stage.environment("aksk") | ASSUMED
        code, out = tell(stage, tmp_path, given, str(stopped.folder), command="resume")
        assert code == 2, out
        assert "the run took on no agency, and the agency rekey of sandbox is named now" in out
        limits = ("--rate=unlimited", "--max-duration=60")
        code, out = tell(stage, tmp_path, given, str(stopped.folder), *limits, *TRUSTED, command="resume")
        assert code == 0, out


def test_a_token_that_is_refused_stops_the_run_and_no_row_has_failed(tmp_path: Path) -> None:
    with serving() as stage:
        ended = run(stage, tmp_path, environment(stage, tmp_path, "oidc", token=WRONG), *FAST)
        assert (ended.code, ended.statuses) == (3, {"not_attempted": ROWS}), ended.out
        assert "refused the login" in (ended.folder / "outcomes.csv").read_text(encoding="utf-8")
        assert not [one for one in records_of(stage.sandbox.journal) if one.method == "PUT"]


@pytest.mark.parametrize("kind", ["pod", "github", "federated"])
def test_a_crash_on_the_way_to_the_keys_shows_no_token(tmp_path: Path, kind: str) -> None:
    with serving() as stage:
        script = CRASH.replace("{fault}", IN_THE_WIRE)
        ended = run(stage, tmp_path, environment(stage, tmp_path, kind), *FAST, script=script)
        assert ended.code in {3, 70}, ended.out
        assert "RuntimeError" in (ended.folder / "run.log").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("kind", "options", "shown"),
    [
        ("pod", (), ("pod identity", "/token", "renewed before")),
        ("federated", REGION, ("federated identity", "as the environment says", "renewed before")),
        ("federated", (*REGION, *TRUSTED), ("agency rekey of sandbox", "renewed before")),
    ],
)
def test_auth_tells_who_it_is_and_until_when(
    tmp_path: Path, kind: str, options: tuple[str, ...], shown: tuple[str, ...]
) -> None:
    with serving() as stage:
        project = f"--project-id={next(iter(stage.sandbox.world.projects))}"
        given = environment(stage, tmp_path, kind)
        code, out = tell(stage, tmp_path, given, "--endpoint", stage.url, project, *options)
        assert code == 0, out
        assert not [text for text in shown if text not in out], out
