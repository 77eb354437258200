"""Searches everything that a fleet leaves outside its processes for the credentials of their environment."""

import gzip
import pickle
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from batch.fleet.campaign import Campaign
from batch.sandbox.ready import Ready
from tests.fleet.rig import Fleet

_NOT_OURS = ("service.log", "tls")
"""What the service writes, and the keys of the cluster."""


class Searched(msgspec.Struct, frozen=True, kw_only=True):
    """How much was looked through, and where a credential was found."""

    places: int = 0
    megabytes: float = 0.0
    found: tuple[str, ...] = ()

    def __add__(self, other: "Searched") -> "Searched":
        return Searched(
            places=self.places + other.places,
            megabytes=self.megabytes + other.megabytes,
            found=self.found + other.found,
        )


def canaries(ready: Ready) -> dict[str, str]:
    """The credentials that the workers have, by the variables they have them in."""
    return {
        "CSMS_REKEY_TOKEN": ready.token,
        "HUAWEICLOUD_SDK_AK": ready.ak,
        "HUAWEICLOUD_SDK_SK": ready.sk,
    }


def in_scheduler(fleet: Fleet) -> Searched:
    """In all that the scheduler and the workers tell of their state, and in the arguments of every task."""
    file = fleet.folder / "dump"
    with fleet.cluster.client() as client:
        client.dump_cluster_state(str(file), format="msgpack")
        specs: bytes = client.run_on_scheduler(run_specs)
    dump = gzip.decompress(file.with_suffix(".msgpack.gz").read_bytes())
    # Else it was looked for in the wrong place.
    assert str(fleet.campaign).encode() in specs, specs[:500]
    made = msgspec.json.decode((fleet.campaign / "campaign.json").read_bytes(), type=Campaign)
    assert made.id.encode() in dump
    return _searched({"cluster state": dump, "task arguments": specs}, fleet)


def run_specs(dask_scheduler: "object") -> bytes:
    """What the scheduler has of every task, as it hands them out."""
    tasks: Mapping[str, object] = getattr(dask_scheduler, "tasks")  # noqa: B009 - distributed has no types
    return pickle.dumps([getattr(one, "run_spec") for one in tasks.values()])  # noqa: B009


def in_files(fleet: Fleet) -> Searched:
    """In every file: logs of scheduler and workers, the campaign, ledgers, reports and what was said."""
    return _searched({str(path.relative_to(fleet.folder)): path.read_bytes() for path in _files(fleet.folder)}, fleet)


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if path.is_file() and not set(path.relative_to(folder).parts).intersection(_NOT_OURS):
            yield path


def _searched(places: Mapping[str, bytes], fleet: Fleet) -> Searched:
    return Searched(
        places=len(places),
        megabytes=sum(map(len, places.values())) / 1e6,
        found=tuple(
            f"{name} in {place}"
            for place, data in places.items()
            for name, value in canaries(fleet.ready).items()
            if value.encode() in data
        ),
    )
