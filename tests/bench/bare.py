"""The yardstick: the same PUTs by a bare aiohttp worker loop, no limiter, no journal, no retries."""

import asyncio
import csv
import json
import resource
import sys
import time
from pathlib import Path

import aiohttp


async def send_all(url: str, token: str, project: str, manifest: Path, workers: int) -> tuple[int, float, float]:
    """Sends one PUT per row; returns requests, wall seconds and CPU seconds of the sending alone."""
    with manifest.open(newline="") as file:
        rows = [(row["secret_name"], row["kms_key_id"]) for row in csv.DictReader(file)]
    todo = iter(rows)
    headers = {"X-Auth-Token": token}

    async def worker(session: aiohttp.ClientSession) -> None:
        for name, key in todo:
            target = f"{url}/v1/{project}/secrets/{name}"
            async with session.put(target, json={"kms_key_id": key}, headers=headers) as answer:
                await answer.json()

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=workers)) as session:
        began_s, cpu_s = time.perf_counter(), _cpu_s()
        await asyncio.gather(*(worker(session) for _ in range(workers)))
        return len(rows), time.perf_counter() - began_s, _cpu_s() - cpu_s


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    _, url, token, project, manifest, workers = sys.argv
    requests, seconds, cpu_s = asyncio.run(send_all(url, token, project, Path(manifest), int(workers)))
    print(json.dumps({"requests": requests, "seconds": seconds, "cpu_s": cpu_s}))
