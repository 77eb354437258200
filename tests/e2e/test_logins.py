"""The tool as it is started, with every login, whatever happens: what becomes of the rows, and that nothing leaks."""

import asyncio
import csv
import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from batch.sandbox import faults
from batch.sandbox.assembly import Sandbox, sandbox_of
from batch.sandbox.checks import AuthMode, StrictCheck
from batch.sandbox.manifest import manifest_csv
from batch.sandbox.metadata import MetadataMode
from batch.sandbox.options import SandboxOptions
from batch.sandbox.server import SandboxServer
from tests.engine.plans import Plan
from tests.kit.faults import canned
from tests.kit.records import records_of
from tests.kit.scripts import Outage

ROOT = Path(__file__).parents[2]
ROWS = 30
WRONG = "canary-wrong-0f9e8d7c6b5a"


@dataclass(frozen=True)
class Stage:
    """A sandbox that serves, in a separate thread."""

    sandbox: Sandbox
    url: str

    def environment(self, auth: str, **more: str) -> dict[str, str]:
        key, user = self.sandbox.directory.access_key, self.sandbox.directory.user
        given = {
            "token": {"CSMS_REKEY_TOKEN": self.sandbox.token},
            "aksk": {"HUAWEICLOUD_SDK_AK": key.ak, "HUAWEICLOUD_SDK_SK": key.sk},
            "iam": {
                "OS_USERNAME": user.name,
                "OS_PASSWORD": user.password,
                "OS_USER_DOMAIN_NAME": user.domain,
                "OS_AUTH_URL": f"{self.url}/v3",
            },
            "ecs": {"CSMS_REKEY_METADATA_URL": self.url},
            "none": {},
        }
        base = {name: os.environ[name] for name in ("PATH", "LANG", "VIRTUAL_ENV") if name in os.environ}
        return base | {"HUAWEICLOUD_SDK_IAM_ENDPOINT": self.url} | given[auth] | more

    @property
    def secrets(self) -> set[str]:
        """Everything the sandbox ever gave out, and what was never right."""
        directory = self.sandbox.directory
        keys = directory._keys.values()
        found = {*directory._tokens, directory.user.password, WRONG, self.sandbox.token, *directory.platform.tokens}
        return found | {one for key in keys for one in (key.ak, key.sk, key.security_token) if one}

    @property
    def wrong_signatures(self) -> int:
        check = self.sandbox.exchange.service.auth
        assert isinstance(check, StrictCheck)
        return check.wrong_signatures

    def asked(self, what: str) -> int:
        return sum(what in one.target for one in records_of(self.sandbox.journal))


@contextmanager
def serving(*, latency_ms: float = 0.0, **options: Any) -> Iterator[Stage]:
    sandbox = sandbox_of(SandboxOptions(secrets=ROWS, **{"projects": 2} | options), epoch_s=time.time(), keep=True)
    started: list[str] = []
    ready, stop = threading.Event(), threading.Event()

    async def serve() -> None:
        async with SandboxServer(sandbox.exchange, latency_ms=latency_ms) as server:
            started.append(server.url)
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert ready.wait(20)
        yield Stage(sandbox, started[0])
    finally:
        stop.set()
        thread.join()


@dataclass(frozen=True)
class Ended:
    """How the tool ended, and what it left."""

    code: int
    out: str
    folder: Path

    @property
    def statuses(self) -> Counter[str]:
        with (self.folder / "outcomes.csv").open(encoding="utf-8", newline="") as file:
            lines = list(csv.DictReader(file))
        assert [int(line["row"]) for line in lines] == list(range(1, ROWS + 1))
        return Counter(line["status"] for line in lines)


def run(
    stage: Stage,
    tmp_path: Path,
    environment: dict[str, str],
    *options: str,
    script: str | None = None,
    manifest: Path | None = None,
) -> Ended:
    folder = tmp_path / "run"
    if manifest is None:
        manifest = tmp_path / "secrets.csv"
        manifest.write_text(manifest_csv(stage.sandbox.world), encoding="utf-8")
    command = [sys.executable, *(["-m", "batch"] if script is None else ["-c", script])]
    arguments = ["run", str(manifest), "--endpoint", stage.url, "--run-dir", str(folder), "--log-level", "debug"]
    arguments += ["--region", "cn-north-4"]
    done = subprocess.run(
        [*command, *arguments, *options],
        cwd=ROOT,
        env={"HOME": str(tmp_path), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert_nothing_leaked(stage, done.stdout + done.stderr, folder)
    return Ended(done.returncode, done.stdout + done.stderr, folder)


def assert_nothing_leaked(stage: Stage, output: str, folder: Path) -> None:
    texts = {"output": output.encode()}
    texts |= {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    for where, text in texts.items():
        for secret in stage.secrets:
            assert secret[:16].encode() not in text, where
    for path in folder.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


FAST = ("--rate", "unlimited")


@pytest.mark.parametrize("auth", ["token", "aksk", "iam", "ecs"])
@pytest.mark.parametrize("chosen", [True, False], ids=["named", "auto"])
def test_each_login_does_the_whole_job(tmp_path: Path, auth: str, *, chosen: bool) -> None:
    mode = AuthMode.SIGNED if auth in {"aksk", "ecs"} else AuthMode.TOKEN
    with serving(auth=mode) as stage:
        options = ("--auth", auth) if chosen else ()
        ended = run(stage, tmp_path, stage.environment(auth), *FAST, *options)
        assert (ended.code, ended.statuses) == (0, {"updated": ROWS}), ended.out
        assert stage.wrong_signatures == 0
        assert stage.asked("/v3/auth/tokens") == (2 if auth == "iam" else 0), "a token for each project"


def test_a_credentials_file_does_the_whole_job(tmp_path: Path) -> None:
    with serving(auth=AuthMode.SIGNED) as stage:
        key = stage.sandbox.directory.access_key
        path = tmp_path / "credentials"
        path.write_text(f"[basic]\nak = {key.ak}\nsk = {key.sk}\n", encoding="ascii")
        path.chmod(0o600)
        environment = stage.environment("ecs", HUAWEICLOUD_SDK_CREDENTIALS_FILE=str(path))
        ended = run(stage, tmp_path, environment, *FAST)
        assert (ended.code, ended.statuses) == (0, {"updated": ROWS}), ended.out


def test_the_environment_of_a_terraform_user_does_the_whole_job(tmp_path: Path) -> None:
    """Nothing names a project: IAM knows it by the name of the region."""
    with serving(auth=AuthMode.SIGNED, projects=1) as stage:
        key = stage.sandbox.directory.access_key
        manifest = tmp_path / "secrets.csv"
        manifest.write_text(manifest_csv(stage.sandbox.world), encoding="utf-8")
        given = {"HW_ACCESS_KEY": key.ak, "HW_SECRET_KEY": key.sk, "HW_AUTH_URL": f"{stage.url}/v3"}
        done = subprocess.run(
            [sys.executable, "-m", "batch", "run", str(manifest), f"--endpoint={stage.url}", "--run-dir=run", *FAST],
            cwd=tmp_path,
            env={"HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "HW_REGION_NAME": "cn-north-4", **given},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert_nothing_leaked(stage, done.stdout + done.stderr, tmp_path / "run")
        ended = Ended(done.returncode, done.stdout + done.stderr, tmp_path / "run")
        assert (ended.code, ended.statuses) == (0, {"updated": ROWS}), ended.out
        assert f"access keys, ends in {key.ak[-4:]}" in ended.out


@pytest.mark.parametrize(
    ("auth", "options", "rate"),
    [
        ("iam", {"token_uses": 7}, "unlimited"),
        ("iam", {"token_life_s": 0.6}, "40/s"),
        ("ecs", {"key_life_s": 0.6}, "40/s"),
        ("ecs", {"metadata": MetadataMode.TOKENLESS}, "unlimited"),
    ],
)
def test_what_ends_on_the_way_is_renewed_and_costs_no_row(
    tmp_path: Path, auth: str, options: dict[str, Any], rate: str
) -> None:
    with serving(**options) as stage:
        ended = run(stage, tmp_path, stage.environment(auth), "--rate", rate, "--max-attempts", "1")
        assert (ended.code, ended.statuses) == (0, {"updated": ROWS}), ended.out
        assert stage.wrong_signatures == 0


@pytest.mark.parametrize("auth", ["token", "aksk", "iam", "ecs"])
@pytest.mark.parametrize(
    ("options", "limits", "on_their_way"),
    [
        ({}, ("--rate", "50/s"), 5),
        ({"latency_ms": 150.0}, ("--rate", "unlimited", "--burst", "32"), 32),
        ({"latency_ms": 150.0, "projects": 10}, ("--rate", "unlimited", "--burst", "32"), 32),
    ],
    ids=["paced", "at once", "many projects"],
)
def test_revoked_with_no_way_back_it_stops_and_no_row_has_failed(
    tmp_path: Path, auth: str, options: dict[str, Any], limits: tuple[str, ...], on_their_way: int
) -> None:
    """Of keys that were good all requests that are open then are refused: as many as --concurrency."""
    with serving(revoke_after=14, **options) as stage:
        ended = run(stage, tmp_path, stage.environment(auth), *limits, "--max-attempts", "1")
        assert ended.code == 3, ended.out
        assert set(ended.statuses) == {"updated", "not_attempted"}
        assert stage.wrong_signatures <= on_their_way
        assert stage.asked("/v3/auth/tokens") <= 2 * len(stage.sandbox.world.projects)


def test_access_keys_that_are_refused_without_a_reason_are_not_tried_in_one_project_after_the_other(
    tmp_path: Path,
) -> None:
    with serving(projects=ROWS) as stage:
        stage.sandbox.exchange._faults = Outage(0.0, float("inf"), faults.gateway_error(401))
        ended = run(stage, tmp_path, stage.environment("aksk"), *FAST)
        assert (ended.code, ended.statuses) == (3, {"not_attempted": ROWS}), ended.out
        assert len(records_of(stage.sandbox.journal)) <= 5


def test_a_server_that_answers_with_the_token_as_key_id_gets_it_into_no_file(tmp_path: Path) -> None:
    with serving() as stage:
        name = next(iter(stage.sandbox.world.projects.values())).names[0]
        body = msgspec.json.encode({"secret": {"name": name, "kms_key_id": stage.sandbox.token}})
        lie = canned(200, body)
        stage.sandbox.exchange._faults = Plan(
            {("write", name, 1): lie, **{("read", name, nth): lie for nth in range(1, 9)}}
        )
        ended = run(stage, tmp_path, stage.environment("token"), *FAST, "--timeout", "1", "--json")
        assert ended.code == 1, ended.out
        assert "a read shows the key ***" in (ended.folder / "outcomes.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("auth", "wrong"),
    [
        ("token", {"CSMS_REKEY_TOKEN": WRONG}),
        ("aksk", {"HUAWEICLOUD_SDK_SK": WRONG}),
        ("aksk", {"HUAWEICLOUD_SDK_AK": WRONG}),
        ("aksk", {"HUAWEICLOUD_SDK_SECURITY_TOKEN": WRONG}),
        ("iam", {"OS_PASSWORD": WRONG}),
    ],
)
def test_what_was_never_right_stops_the_run_before_it_locks_anything(
    tmp_path: Path, auth: str, wrong: dict[str, str]
) -> None:
    with serving() as stage:
        ended = run(stage, tmp_path, stage.environment(auth, **wrong), *FAST)
        assert ended.code == 3, ended.out
        assert ended.statuses == {"not_attempted": ROWS}
        assert len(records_of(stage.sandbox.journal)) <= 5
        assert stage.asked("/v3/auth/tokens") <= 1
        key = stage.sandbox.directory.access_key
        assert key.ak not in stage.sandbox.exchange.service.auth._locked_until_s  # type: ignore[attr-defined] # is strict


def test_a_job_whose_project_cannot_be_had_sends_nothing_and_calls_no_row_invalid(tmp_path: Path) -> None:
    """Such a row has nothing to be fixed, and a wrong key is no fault of the manifest."""
    with serving() as stage:
        path = tmp_path / "some.csv"
        path.write_text(
            f"secret_name,kms_key_id,project_id\na,{'0' * 32},{'1' * 32}\nb,{'0' * 32},\n",
            encoding="utf-8",
        )
        ended = run(stage, tmp_path, stage.environment("aksk", HUAWEICLOUD_SDK_SK=WRONG), manifest=path)
        assert ended.code == 3, ended.out
        assert not ended.folder.exists()
        assert "IAM does not tell the project of cn-north-4" in ended.out
        assert not [record for record in records_of(stage.sandbox.journal) if record.method == "PUT"]


CRASH = """
import sys
from batch.csms.wire import HttpWire
{fault}
from batch.cli.app import main
sys.exit(main())
"""
IN_THE_WIRE = """
async def send(self, request, leaving=None):
    raise RuntimeError(f"boom {request!r} {dict(request.headers)}")
HttpWire.send = send
"""
IN_THE_COMMAND = """
import os
import batch.cli.session
def run_ledger(*arguments):
    raise RuntimeError(f"boom {arguments} {dict(os.environ)}")
batch.cli.session.run_ledger = run_ledger
"""
A_WARNING = """
import warnings
async def send(self, request, leaving=None):
    warnings.warn(f"boom {dict(request.headers)}")
    import asyncio
    asyncio.get_running_loop().call_exception_handler({"message": f"boom {dict(request.headers)}"})
    raise RuntimeError(f"boom {dict(request.headers)}")
HttpWire.send = send
"""


@pytest.mark.parametrize("auth", ["token", "aksk", "iam", "ecs"])
@pytest.mark.parametrize("fault", [IN_THE_WIRE, A_WARNING])
def test_a_crash_in_a_worker_shows_nothing(tmp_path: Path, auth: str, fault: str) -> None:
    with serving() as stage:
        script = CRASH.replace("{fault}", fault)
        project = f"--project-id={next(iter(stage.sandbox.world.projects))}"
        ended = run(stage, tmp_path, stage.environment(auth), *FAST, project, script=script)
        assert ended.code in {3, 70}, ended.out
        log = (ended.folder / "run.log").read_text(encoding="utf-8")
        assert "RuntimeError" in log, "it did crash"
        assert ("***" in log) == (auth in {"token", "aksk"}), "the others crash before there is a token or a key"


@pytest.mark.parametrize("auth", ["token", "aksk", "iam"])
def test_an_uncaught_exception_shows_nothing(tmp_path: Path, auth: str) -> None:
    with serving() as stage:
        script = CRASH.replace("{fault}", IN_THE_COMMAND)
        ended = run(stage, tmp_path, stage.environment(auth), script=script)
        assert ended.code != 0
        assert "boom" in ended.out
        assert "***" in ended.out


REGION = ("--region", "cn-north-4")


def tell(
    stage: Stage, tmp_path: Path, environment: dict[str, str], *options: str, command: str = "auth"
) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "batch", command, *options],
        cwd=ROOT,
        env={"HOME": str(tmp_path), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert_nothing_leaked(stage, done.stdout + done.stderr, tmp_path / "none")
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("auth", "provider", "valid"),
    [
        ("token", "IAM token", "tokens last at most 24 hours"),
        ("aksk", "access keys", "until they are revoked"),
        ("iam", "IAM password", "renewed before"),
        ("ecs", "ECS agency", "renewed before"),
    ],
)
def test_auth_tells_the_login_its_project_and_its_end_and_reads_once(
    tmp_path: Path, auth: str, provider: str, valid: str
) -> None:
    with serving() as stage:
        project_id = next(iter(stage.sandbox.world.projects))
        options = ("--endpoint", stage.url, "--region", "cn-north-4")
        code, out = tell(stage, tmp_path, stage.environment(auth), *options)
        assert code == 0, out
        for text in (provider, project_id, valid, stage.url, "may list secrets"):
            assert text in out
        assert stage.asked("/secrets?limit=1") == 1


@pytest.mark.parametrize(
    ("more", "valid"), [("", "until they are revoked"), ("security_token = canary-t\n", "expiry unknown")]
)
def test_auth_tells_of_a_credentials_file_that_it_is_held(tmp_path: Path, more: str, valid: str) -> None:
    with serving(auth=AuthMode.SIGNED) as stage:
        key = stage.sandbox.directory.access_key
        path = tmp_path / "credentials"
        path.write_text(f"[basic]\nak = {key.ak}\nsk = {key.sk}\n{more}", encoding="ascii")
        path.chmod(0o600)
        environment = stage.environment("none", HUAWEICLOUD_SDK_CREDENTIALS_FILE=str(path))
        project = f"--project-id={next(iter(stage.sandbox.world.projects))}"
        _, out = tell(stage, tmp_path, environment, "--endpoint", stage.url, project)
        assert valid in out


@pytest.mark.parametrize(
    ("environment", "options", "code", "text"),
    [
        (lambda stage: stage.environment("token", CSMS_REKEY_TOKEN=WRONG), ("--project-id", "0" * 32), 3, "APIGW.0301"),
        (lambda stage: stage.environment("aksk"), ("--project-id", "0" * 32), 3, "not a project of the login"),
        (
            lambda stage: stage.environment("aksk", HUAWEICLOUD_SDK_IAM_ENDPOINT="", OS_AUTH_URL=""),
            ("--project-id", "0" * 32),
            0,
            "may not list",
        ),
        (lambda stage: stage.environment("aksk"), (), 2, "no project: give"),
        (lambda stage: stage.environment("aksk", HUAWEICLOUD_SDK_IAM_ENDPOINT=""), REGION, 2, "no project: give"),
        (lambda stage: stage.environment("aksk", HUAWEICLOUD_SDK_SK=WRONG), REGION, 3, "refused"),
        (lambda stage: stage.environment("iam", OS_PASSWORD=WRONG), REGION, 3, "refused"),
        (lambda stage: stage.environment("iam", OS_PROJECT_NAME="cn-north-4"), (), 0, "may list secrets"),
        (
            lambda stage: stage.environment("iam", OS_PASSWORD=WRONG),
            ("--project-id", "0" * 32),
            3,
            "no token was obtained",
        ),
        (lambda stage: stage.environment("aksk"), ("--region", "mars-1"), 2, "mars-1"),
        (lambda stage: stage.environment("token", CSMS_REKEY_TOKEN="a b"), (), 2, "holds no token"),
    ],
)
def test_auth_says_what_is_wrong(
    tmp_path: Path,
    environment: Callable[[Stage], dict[str, str]],
    options: tuple[str, ...],
    code: int,
    text: str,
) -> None:
    with serving() as stage:
        assert code == (said := tell(stage, tmp_path, environment(stage), "--endpoint", stage.url, *options))[0], said
        assert text in said[1]


def test_auth_tries_every_project_of_a_manifest_and_names_those_that_are_not_yours(tmp_path: Path) -> None:
    with serving(projects=3) as stage:
        path = tmp_path / "secrets.csv"
        path.write_text(manifest_csv(stage.sandbox.world), encoding="utf-8")
        where, environment = ("--endpoint", stage.url, "--region", "cn-north-4"), stage.environment("aksk")
        code, out = tell(stage, tmp_path, environment, str(path), *where)
        assert (code, out.count(" works\n")) == (0, 3), out
        with path.open("a", encoding="utf-8") as file:
            file.write(f"of-somebody-else,{'0' * 32},{'1' * 32}\n")
        code, out = tell(stage, tmp_path, environment, str(path), *where, "--json")
        shown = json.loads(out)
        assert (code, shown["exit_code"], shown["kind"]) == (3, 3, "aksk")
        verdicts = {one["project_id"]: one["verdict"] for one in shown["projects"]}
        assert verdicts == {**dict.fromkeys(stage.sandbox.world.projects, "works"), "1" * 32: "not yours"}
        assert not [record for record in records_of(stage.sandbox.journal) if record.method == "PUT"]


@pytest.mark.parametrize("named", [("--auth", "aksk"), ()], ids=["named", "found"])
def test_a_resume_logs_in_as_its_job_did_and_not_with_whatever_is_found_first(
    tmp_path: Path, named: tuple[str, ...]
) -> None:
    with serving() as stage:
        keys = stage.environment("aksk")
        stopped = run(stage, tmp_path, keys, *named, "--rate", "1/s", "--max-duration", "1")
        assert stopped.code == 3, stopped.out

        def resume(*options: str, **more: str) -> "subprocess.CompletedProcess[str]":
            return subprocess.run(
                [sys.executable, "-m", "batch", "resume", str(stopped.folder), "--rate=unlimited", *options],
                cwd=ROOT,
                env={"HOME": str(tmp_path), **stage.environment("none"), **more},
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )

        other = {"CSMS_REKEY_TOKEN": "a-stale-token-that-is-not-let-in"}
        refused = resume(**other)
        assert (refused.returncode, "the run used this kind of login" in refused.stderr) == (2, True), refused.stderr
        done = resume("--max-duration=60", **keys, **other)
        assert done.returncode == 0, done.stderr
