"""A manifest with rows of several accounts: each project is asked with the login of its account, and with no other."""

import csv
import json
from collections import defaultdict
from pathlib import Path

import pytest

from batch.sandbox.checks import AuthMode
from batch.sandbox.platform import TRUST
from batch.sandbox.signatures import access_key_of
from batch.sandbox.wire import Arrival
from batch.sandbox.world import World
from tests.e2e.test_identity_logins import kept, turning_over
from tests.e2e.test_logins import FAST, ROWS, Stage, run, serving, tell
from tests.kit.records import records_of

NAMES = ("alpha", "beta", "gamma")
ACCOUNTS = f"""
[alpha]
profile = "first"
[beta]
profile = "second"
[gamma]
agency = "{TRUST.agency}"
agency_domain = "{TRUST.agency_domain}"
"""


def manifest(folder: Path, world: World, *, whose: dict[str, str]) -> Path:
    path = folder / "secrets.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(["secret_name", "kms_key_id", "project_id", "account"])
        for project in world.projects.values():
            out.writerows([name, project.key_ids.new, project.id, whose.get(project.id, "")] for name in project.names)
    return path


def accounts(folder: Path, text: str = ACCOUNTS) -> tuple[str, str]:
    path = folder / "accounts.toml"
    path.write_text(text, encoding="utf-8")
    return "--accounts", str(path)


def environment(stage: Stage, folder: Path, *, token: str) -> dict[str, str]:
    """Two profiles that an identity provider vouches for, and keys that may take on an agency."""
    path = folder / "credentials"
    file = kept(folder, token)
    section = f"idp_id = {TRUST.idp_id}\nid_token_file = {file}\niam_endpoint = {stage.url}\n"
    path.write_text(f"[first]\n{section}[second]\n{section}", encoding="ascii")
    path.chmod(0o600)
    return stage.environment("aksk", HUAWEICLOUD_SDK_CREDENTIALS_FILE=str(path))


def whose(stage: Stage) -> dict[str, str]:
    return {project: NAMES[at % 3] for at, project in enumerate(stage.sandbox.world.projects)}


class Signers:
    """Notes with which access keys each project is asked."""

    def __init__(self, stage: Stage) -> None:
        self.seen: dict[str, set[str]] = defaultdict(set)
        stage.sandbox.exchange._faults = self

    def decide(self, arrival: Arrival) -> None:
        if arrival.is_update:
            self.seen[arrival.request.target.split("/")[2]].add(
                access_key_of(arrival.request.headers.get("Authorization", "")) or "a token"
            )


def test_three_accounts_and_six_projects_in_one_run_each_with_a_login_of_its_own_that_ends_on_the_way(
    tmp_path: Path,
) -> None:
    with serving(projects=6, key_life_s=0.6) as stage, turning_over(stage, tmp_path):
        token = stage.sandbox.directory.platform.vouch(0.0, life_s=3.0)
        path, signers = manifest(tmp_path, stage.sandbox.world, whose=whose(stage)), Signers(stage)
        limits = ("--rate", "4/s", "--max-attempts", "1")
        ended = run(
            stage, tmp_path, environment(stage, tmp_path, token=token), *accounts(tmp_path), *limits, manifest=path
        )
        assert (ended.code, ended.statuses) == (0, {"updated": ROWS}), ended.out
        assert stage.wrong_signatures == 0
        used: dict[str, set[str]] = defaultdict(set)
        for project, keys in signers.seen.items():
            used[whose(stage)[project]] |= keys
        assert all(len(used[name]) > 1 for name in NAMES), "each was renewed"
        assert not used["alpha"] & used["beta"] | used["beta"] & used["gamma"] | used["alpha"] & used["gamma"]
        assert stage.sandbox.directory.access_key.ak not in set().union(*used.values())
        with (ended.folder / "outcomes.csv").open(encoding="utf-8", newline="") as file:
            assert all(line["account"] == whose(stage)[line["project_id"]] for line in csv.DictReader(file))


def test_a_login_that_is_gone_stops_the_projects_of_its_account_alone_and_a_resume_needs_no_option(
    tmp_path: Path,
) -> None:
    with serving(projects=6, auth=AuthMode.SIGNED) as stage:
        path = manifest(tmp_path, stage.sandbox.world, whose=whose(stage))
        given = environment(stage, tmp_path, token=stage.sandbox.directory.platform.token)
        (tmp_path / "accounts.toml").write_text(ACCOUNTS, encoding="utf-8")
        credentials = tmp_path / "credentials"
        text = credentials.read_text(encoding="ascii")
        credentials.write_text(text.replace("[second]\nidp_id = ", "[second]\nidp_id = nobody-"), encoding="ascii")
        ended = run(stage, tmp_path, given, *accounts(tmp_path), *FAST, manifest=path)
        assert ended.code == 3, ended.out
        with (ended.folder / "outcomes.csv").open(encoding="utf-8", newline="") as file:
            statuses = {(line["account"], line["status"]) for line in csv.DictReader(file)}
        assert statuses == {("alpha", "updated"), ("beta", "not_attempted"), ("gamma", "updated")}
        credentials.write_text(text, encoding="ascii")
        code, out = tell(stage, tmp_path, given, str(ended.folder), command="resume")
        assert code == 0, out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "rows name accounts: say with --accounts FILE"),
        ((ACCOUNTS.replace("[beta]", "[other]"),), "'beta' is not an account in "),
        ((ACCOUNTS.replace('"second"', '"third"'),), "has no section [third]"),
        (("[alpha]\nprofil = 'x'\n",), "[alpha]: Object contains unknown field"),
        (("[alpha]\nagency = 'x'\n",), "agency and agency_domain belong together"),
    ],
)
def test_an_account_without_a_login_ends_with_2_before_anything_is_sent(
    tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    with serving(projects=3) as stage:
        path = manifest(tmp_path, stage.sandbox.world, whose=whose(stage))
        given = environment(stage, tmp_path, token=stage.sandbox.directory.platform.token)
        file = accounts(tmp_path, *options) if options else ()
        ended = run(stage, tmp_path, given, *file, *FAST, manifest=path)
        assert ended.code == 2, ended.out
        assert words in ended.out
        assert not ended.folder.exists()
        assert not [record for record in records_of(stage.sandbox.journal) if record.method == "PUT"]


def test_auth_tries_each_project_with_the_login_of_its_account_and_needs_no_other(tmp_path: Path) -> None:
    with serving(projects=3, auth=AuthMode.SIGNED) as stage:
        names = dict(zip(stage.sandbox.world.projects, ("alpha", "beta", "alpha"), strict=True))
        path = manifest(tmp_path, stage.sandbox.world, whose=names)
        given = environment(stage, tmp_path, token=stage.sandbox.directory.platform.token)
        del given["HUAWEICLOUD_SDK_AK"], given["HUAWEICLOUD_SDK_SK"]
        given |= {"CSMS_REKEY_METADATA_URL": "http://127.0.0.1:9"}
        where = (str(path), "--endpoint", stage.url, "--region", "cn-north-4", "--json", *accounts(tmp_path))
        code, out = tell(stage, tmp_path, given, *where)
        assert code == 0, out
        assert {one["project_id"]: one["account"] for one in json.loads(out)["projects"]} == names


def test_plan_verify_and_the_way_back_keep_to_the_accounts_of_the_rows(tmp_path: Path) -> None:
    with serving(projects=3, auth=AuthMode.SIGNED) as stage:
        path = manifest(tmp_path, stage.sandbox.world, whose=whose(stage))
        given = environment(stage, tmp_path, token=stage.sandbox.directory.platform.token)
        file = accounts(tmp_path)
        where = ("--endpoint", stage.url, "--region", "cn-north-4", *file)
        code, out = tell(stage, tmp_path, given, str(path), *where, f"--out={tmp_path / 'plan'}", command="plan")
        assert code == 0, out
        ended = run(stage, tmp_path, given, *file, *FAST, manifest=tmp_path / "plan")
        assert (ended.code, ended.statuses) == (0, {"updated": ROWS}), ended.out
        code, out = tell(stage, tmp_path, given, str(ended.folder), command="verify")
        assert code == 0, out
        for listed in (tmp_path / "plan" / "preview.csv", *ended.folder.glob("verify-*/verify.csv")):
            with listed.open(encoding="utf-8", newline="") as lines:
                assert {line["project_id"]: line["account"] for line in csv.DictReader(lines)} == whose(stage), listed
        back = tmp_path / "back.csv"
        code, out = tell(stage, tmp_path, given, str(ended.folder), f"--out={back}", command="rollback")
        assert code == 0, out
        with back.open(encoding="utf-8", newline="") as lines:
            assert {line["project_id"]: line["account"] for line in csv.DictReader(lines)} == whose(stage)
        key = next(iter(stage.sandbox.world.projects.values())).key_ids.old
        asked = (f"--old-key={key}", "--all-projects", *where)
        code, out = tell(stage, tmp_path, given, *asked, command="retire")
        assert (code, "only a manifest says" in out) == (2, True), out
