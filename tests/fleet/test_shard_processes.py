"""Shards as real processes on one folder: killed with their disk, stopped, taken over, and run once more."""

import shutil
from pathlib import Path

import msgspec

from batch.fleet import campaign
from batch.fleet.campaign import Stop, Worker
from batch.fleet.lease import LeaseRecord
from batch.sandbox.assembly import Sandbox
from jobs.model import Status
from tests.e2e.tool import guarded_manifest_of, manifest_of, outcomes_in, served, wait_until
from tests.engine.machine import keys_of
from tests.engine.rows import moves, small_service
from tests.fleet.campaigns import campaign_in, child, end_of, run_of
from tests.kit.records import records_of

ROWS = 150


def puts(sandbox: Sandbox) -> dict[str, int]:
    """How often the change of each secret arrived."""
    found: dict[str, int] = {}
    for one in records_of(sandbox.journal):
        if one.method == "PUT" and one.secret_name is not None:
            found[one.secret_name] = found.get(one.secret_name, 0) + 1
    return found


def busiest_second(sandbox: Sandbox) -> int:
    """The most requests that arrived in any second."""
    at = [one.at_s for one in records_of(sandbox.journal)]
    return max(sum(start <= one < start + 1.0 for one in at) for start in at)


def test_a_shard_runs_to_its_end_and_says_so(tmp_path: Path) -> None:
    sandbox = small_service(secrets=20)
    asked = moves(sandbox)
    with served(sandbox, tmp_path) as tool:
        storage = campaign_in(tmp_path / "shared", manifest_of(asked), tool.url)
        done = tool.run(*child(storage, 0, tmp_path / "work"))
        assert done.code == 0, done.err
        again = tool.run(*child(storage, 0, tmp_path / "elsewhere"))
        assert again.code == 0, again.err
    assert puts(sandbox) == {one.secret_name: 1 for one in asked}
    end = end_of(storage, 0)
    assert (end.epoch, end.exit_code, end.rows, end.open_rows) == (2, 0, 20, 0)


def test_a_machine_that_is_lost_is_replaced_by_another_which_sends_an_interval_again_at_most(tmp_path: Path) -> None:
    sandbox = small_service(secrets=ROWS)
    before = keys_of(sandbox)
    asked = [
        msgspec.structs.replace(one, expected_kms_key_id=before[one.project_id, one.secret_name] if row % 2 else None)
        for row, one in enumerate(moves(sandbox))
    ]
    with served(sandbox, tmp_path, latency_ms=5) as tool:
        storage = campaign_in(tmp_path / "shared", guarded_manifest_of(asked), tool.url)
        with tool.start(*child(storage, 0, tmp_path / "lost")) as running:
            wait_until(lambda: len(puts(sandbox)) >= ROWS // 2, running)
            running.kill()
            running.wait()
        shutil.rmtree(tmp_path / "lost")
        sent = puts(sandbox)
        done = tool.run(*child(storage, 0, tmp_path / "next"))
        assert done.code == 0, done.err
    claims = outcomes_in(run_of(tmp_path / "next"))
    assert {one.status for one in claims} <= {Status.UPDATED, Status.VERIFIED}
    assert [one.before_kms_key_id for one in claims] == [before[one.project_id, one.secret_name] for one in asked]
    twice = {name for name, count in puts(sandbox).items() if count > 1}
    assert len(twice) <= 100 * 0.5 * 2
    assert twice <= set(sent)
    assert not twice & {one.secret_name for one in asked if one.expected_kms_key_id}
    assert busiest_second(sandbox) <= 101
    assert end_of(storage, 0).epoch == 2
    last = campaign.read(storage.get(campaign.lease(0, 2)), LeaseRecord)
    assert last is not None
    assert last.quiet_s is not None


def test_a_stop_that_comes_while_a_lost_owner_is_waited_for_begins_nothing(tmp_path: Path) -> None:
    sandbox = small_service(secrets=4)
    with served(sandbox, tmp_path) as tool:
        storage = campaign_in(tmp_path / "shared", manifest_of(moves(sandbox)), tool.url)
        worker = Worker(host="lost", pid=1)
        lost = LeaseRecord(owner=worker, nonce="n", boot="b", lapse_s=0.8, timeout_s=2.0, at=1.0)
        storage.put(campaign.lease(0, 1), campaign.to_json(lost))
        with tool.start(*child(storage, 0, tmp_path / "work")) as running:
            wait_until(lambda: any((tmp_path / "work").glob("*/run")), running)
            storage.put(campaign.STOP, campaign.to_json(Stop(who="me", at=1.0)))
            assert running.wait() == 143
    assert storage.names(campaign.LEASE) == ("0/1",)
    assert puts(sandbox) == {}


def test_a_machine_without_the_login_of_an_account_refuses_the_shard_at_once_and_leaves_it_to_another(
    tmp_path: Path,
) -> None:
    sandbox = small_service(secrets=4)
    asked = moves(sandbox)
    lines = [f"{one.secret_name},{one.kms_key_id},{one.project_id},alpha" for one in asked]
    rows = "\n".join(["secret_name,kms_key_id,project_id,account", *lines, ""]).encode()
    known = tmp_path / "accounts.toml"
    known.write_text('[beta]\nprofile = "second"\n')
    with served(sandbox, tmp_path) as tool:
        storage = campaign_in(tmp_path / "shared", rows, tool.url)
        for work in ("one", "two"):
            refused = tool.run(*child(storage, 0, tmp_path / work), more={"CSMS_REKEY_ACCOUNTS": str(known)})
            assert (refused.code, "'alpha' is not an account" in refused.err) == (2, True), refused.err
        assert storage.names(campaign.LEASE) == ()
        # Nor does it wait for an owner that is lost.
        worker = Worker(host="lost", pid=1)
        lost = LeaseRecord(owner=worker, nonce="n", boot="b", lapse_s=0.8, timeout_s=2.0, at=1.0)
        storage.put(campaign.lease(0, 1), campaign.to_json(lost))
        known.write_text('[alpha]\nprofile = "missing"\n')
        nobody = tmp_path / "credentials"
        nobody.write_text("[basic]\n")
        more = {"CSMS_REKEY_ACCOUNTS": str(known), "HUAWEICLOUD_SDK_CREDENTIALS_FILE": str(nobody)}
        refused = tool.run(*child(storage, 0, tmp_path / "three"), more=more)
        assert (refused.code, "has its lease" in refused.err) == (2, False), refused.err
        assert storage.names(campaign.LEASE) == ("0/1",)
    assert puts(sandbox) == {}
    assert storage.names(campaign.END) == ()
