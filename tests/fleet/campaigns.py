"""A campaign folder as `fleet run` makes it, and the child that works on a shard of it."""

import hashlib
from pathlib import Path
from typing import Any

from batch.fleet import campaign
from batch.fleet.campaign import Campaign, End, SourceFile
from batch.fleet.storage import Storage
from batch.process.version import version
from jobs.rate import Rate
from jobs.spec import Before, JobSpec, Limits

TIMES = "0.2,0.8,1.6,0.5"
"""Renewed, lapsed, stood still, snapshots: short enough for a test."""


def campaign_in(
    folder: Path, manifest: bytes, url: str, *, shards: int = 1, before: Before = Before.LIST, **limits: Any
) -> Storage:
    """A campaign over a manifest at a service, in a local folder."""
    storage = Storage(str(folder))
    digest = hashlib.sha256(manifest).hexdigest()
    bounds = {"rate": Rate(100.0), "timeout_s": 2.0, **limits}
    storage.put(campaign.source("manifest.csv"), manifest)
    one = Campaign(
        format=campaign.FORMAT,
        release=version(),
        id=digest[:16],
        made_at=1.0,
        shards=shards,
        spec=JobSpec(endpoint=url, before=before, limits=Limits(**bounds)),
        manifest_name="secrets.csv",
        manifest_sha256=digest,
        files=(SourceFile(name="manifest.csv", sha256=digest, size_bytes=len(manifest)),),
    )
    storage.put(campaign.CAMPAIGN, campaign.to_json(one))
    return storage


def child(storage: Storage, shard: int, work: Path, *more: str) -> tuple[str, ...]:
    """The command line of a shard's process."""
    return (
        "fleet",
        "shard",
        str(shard),
        f"--dir={storage.uri}",
        f"--work={work}",
        f"--lease-times={TIMES}",
        "--progress=off",
        *more,
    )


def end_of(storage: Storage, shard: int) -> End:
    """The last word on a shard."""
    found = campaign.read(storage.get(campaign.end(shard)), End)
    assert found is not None
    return found


def run_of(work: Path) -> Path:
    """The run directory of the only shard in a folder."""
    [found] = work.glob("*/run")
    return found
