"""Requests per second at unlimited rate: this tool with everything on, against what else one could use."""

import json
import shutil
import statistics
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench.processes import HERE, Service, run, service

_WORKERS = 64
_VENDOR_ROWS = 3_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """One client in one round."""

    per_s: float
    cpu_us: float


def measure(folder: Path, *, rows: int, rounds: int) -> Iterator[str]:
    """Interleaved rounds; yields the lines of a Markdown table of medians and ratios to the bare loop."""
    clients: dict[str, Callable[[Service, Path], Speed]] = {"bare aiohttp, default loop": _bare, "csms-rekey": _ours}
    clients["csms-rekey, journal off"] = _ours_unrecorded
    if shutil.which("curl"):
        clients["curl --parallel"] = _curl
    clients["huaweicloudsdkcsms, 32 threads"] = _vendor
    found: dict[str, list[Speed]] = {name: [] for name in clients}
    with service(folder, f"--secrets={rows}") as there:
        for number in range(rounds):
            for name, client in clients.items():
                found[name].append(client(there, folder / f"round-{number}-{list(clients).index(name)}"))
    yield "| client | requests/s (median, spread) | / bare | CPU us/request | / bare |"
    yield "|---|---|---|---|---|"
    bare = found["bare aiohttp, default loop"]
    for name, speeds in found.items():
        rates = [speed.per_s for speed in speeds]
        ratio = statistics.median(speed.per_s / base.per_s for speed, base in zip(speeds, bare, strict=True))
        cpu = statistics.median(speed.cpu_us for speed in speeds)
        cpu_ratio = statistics.median(speed.cpu_us / base.cpu_us for speed, base in zip(speeds, bare, strict=True))
        yield (
            f"| {name} | {statistics.median(rates):,.0f} ({min(rates):,.0f}-{max(rates):,.0f})"
            f" | {ratio:.2f} | {cpu:.0f} | {cpu_ratio:.2f} |"
        )


def _bare(there: Service, _folder: Path) -> Speed:
    where = [there.url, there.token, there.projects[0], str(there.manifest)]
    return _told(run([sys.executable, str(HERE / "bare.py"), *where, str(_WORKERS)]).out)


def _vendor(there: Service, folder: Path) -> Speed:
    # The SDK writes into the home folder when it is imported.
    folder.mkdir()
    home = ["env", f"HOME={folder}", sys.executable, str(HERE / "vendor.py")]
    where = [there.url, there.ak, there.sk, there.projects[0], str(there.manifest)]
    return _told(run([*home, *where, "32", str(_VENDOR_ROWS)]).out)


def _curl(there: Service, folder: Path) -> Speed:
    folder.mkdir()
    lines = there.manifest.read_text().splitlines()[1:]
    config = folder / "curl.txt"
    with config.open("w") as file:
        for line in lines:
            name, key = line.split(",")[:2]
            file.write(
                f'url = "{there.url}/v1/{there.projects[0]}/secrets/{name}"\nrequest = PUT\noutput = /dev/null\n'
                f'header = "X-Auth-Token: {there.token}"\nheader = "Content-Type: application/json"\n'
                f'data = "{{\\"kms_key_id\\":\\"{key}\\"}}"\nnext\n'
            )
    used = run(["curl", "-s", "--parallel", "--parallel-max", str(_WORKERS), "-K", config])
    return Speed(per_s=len(lines) / used.wall_s, cpu_us=used.cpu_s * 1e6 / len(lines))


def _ours(there: Service, folder: Path) -> Speed:
    return _tool(there, folder)


def _ours_unrecorded(there: Service, folder: Path) -> Speed:
    return _tool(there, folder, "--no-journal")


def _tool(there: Service, folder: Path, *first: str) -> Speed:
    options = ["--rate=unlimited", f"--concurrency={_WORKERS}", "--progress=off", f"--run-dir={folder}"]
    where = [f"--endpoint={there.url}", f"--project-id={there.projects[0]}"]
    command = [sys.executable, "-m", "tests.bench.metered", *first, "run"]
    run([*command, there.manifest, *where, *options], token=there.token)
    summary = json.loads((folder / "summary.json").read_text())
    cpu_us = json.loads((folder / "bench.json").read_text())["cpu_us"]
    return Speed(per_s=summary["manifest"]["rows"] / summary["timing"]["wall_s"], cpu_us=cpu_us)


def _told(out: str) -> Speed:
    told = json.loads(out.splitlines()[-1])
    return Speed(per_s=told["requests"] / told["seconds"], cpu_us=told["cpu_s"] * 1e6 / told["requests"])
