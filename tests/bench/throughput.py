"""Requests per second at unlimited rate: this tool with everything on, against what else one could use."""

import itertools
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


Client = Callable[[Service, Path, Path], Speed]
"""Sends the rows of a manifest, with a new folder."""


def measure(folder: Path, *, rows: int, rounds: int) -> Iterator[str]:
    """Interleaved rounds; yields the lines of a Markdown table of medians, each with the least and the most."""
    clients: dict[str, Client] = {"bare aiohttp, default loop": _bare, "csms-rekey": _ours}
    clients["csms-rekey, journal off"] = _ours_unrecorded
    if shutil.which("curl"):
        clients["curl --parallel"] = _curl
    clients["huaweicloudsdkcsms, 32 threads"] = _vendor
    found: dict[str, list[Speed]] = {name: [] for name in clients}
    with service(folder, f"--secrets={rows}") as there:
        # To and fro: the tool looks first, and leaves alone what has its key already.
        manifests = itertools.cycle((there.manifest, there.way_back))
        manifest = there.manifest
        for number in range(rounds):
            for name, client in clients.items():
                # The vendor's client sends only some of them, and so the same as the one before.
                manifest = manifest if client is _vendor else next(manifests)
                found[name].append(client(there, manifest, folder / f"round-{number}-{list(clients).index(name)}"))
    yield f"{rows:,} rows, {_VENDOR_ROWS:,} of them by the vendor's SDK."
    yield ""
    yield "| client | requests/s | / bare | CPU us/request | bare / this |"
    yield "|---|---|---|---|---|"
    bare = found["bare aiohttp, default loop"]
    for name, speeds in found.items():
        pairs = list(zip(speeds, bare, strict=True))
        yield (
            f"| {name} | {spread([speed.per_s for speed in speeds], ',.0f')}"
            f" | {spread([speed.per_s / base.per_s for speed, base in pairs], '.2f')}"
            f" | {spread([speed.cpu_us for speed in speeds], '.0f')}"
            f" | {spread([base.cpu_us / speed.cpu_us for speed, base in pairs], '.2f')} |"
        )


def spread(values: list[float], form: str) -> str:
    """The median, with the least and the most."""
    return f"{statistics.median(values):{form}} ({min(values):{form}}-{max(values):{form}})"


def bare_command(there: Service, manifest: Path) -> tuple[str | Path, ...]:
    """What Python is given to run the bare loop."""
    return (HERE / "bare.py", there.url, there.token, there.projects[0], manifest, str(_WORKERS))


def wire_command(there: Service, manifest: Path) -> tuple[str | Path, ...]:
    """What Python is given to run the wire alone."""
    return ("-m", "tests.bench.wired", *bare_command(there, manifest)[1:])


def tool_command(there: Service, manifest: Path, folder: Path) -> tuple[str | Path, ...]:
    """What the tool is given: nothing is switched off, and each key before is looked up."""
    options = ("--rate=unlimited", f"--concurrency={_WORKERS}", "--progress=off", "--before=list")
    where = (f"--endpoint={there.url}", f"--project-id={there.projects[0]}", f"--run-dir={folder}")
    return ("run", manifest, *where, *options)


def _bare(there: Service, manifest: Path, _folder: Path) -> Speed:
    return _told(run([sys.executable, *bare_command(there, manifest)]).out)


def _vendor(there: Service, manifest: Path, folder: Path) -> Speed:
    # The SDK writes into the home folder when it is imported.
    folder.mkdir()
    home = ["env", f"HOME={folder}", sys.executable, str(HERE / "vendor.py")]
    where = [there.url, there.ak, there.sk, there.projects[0], str(manifest)]
    return _told(run([*home, *where, "32", str(_VENDOR_ROWS)]).out)


def _curl(there: Service, manifest: Path, folder: Path) -> Speed:
    folder.mkdir()
    lines = manifest.read_text().splitlines()[1:]
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


def _ours(there: Service, manifest: Path, folder: Path) -> Speed:
    return _tool(there, manifest, folder)


def _ours_unrecorded(there: Service, manifest: Path, folder: Path) -> Speed:
    return _tool(there, manifest, folder, "--no-journal")


def _tool(there: Service, manifest: Path, folder: Path, *first: str) -> Speed:
    command = [sys.executable, "-m", "tests.bench.metered", *first, *tool_command(there, manifest, folder)]
    run(command, token=there.token)
    summary = json.loads((folder / "summary.json").read_text())
    cpu_us = json.loads((folder / "bench.json").read_text())["cpu_us"]
    return Speed(per_s=summary["manifest"]["rows"] / summary["timing"]["wall_s"], cpu_us=cpu_us)


def _told(out: str) -> Speed:
    told = json.loads(out.splitlines()[-1])
    return Speed(per_s=told["requests"] / told["seconds"], cpu_us=told["cpu_s"] * 1e6 / told["requests"])
