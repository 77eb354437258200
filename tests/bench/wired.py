"""The same PUTs as the bare loop, by the wire of this tool alone: no rows, no journal, no retries."""

import asyncio
import csv
import sys
from pathlib import Path

from batch.csms.faults import Fault
from batch.csms.messages import WireRequest
from batch.csms.wire import HttpWire
from batch.process.loop import run_loop


async def send_all(url: str, token: str, project: str, manifest: Path, workers: int) -> None:
    """Sends one PUT per row."""
    with manifest.open(newline="") as file:
        rows = [(row["secret_name"], row["kms_key_id"]) for row in csv.DictReader(file)]
    todo = iter(rows)
    headers = {"X-Auth-Token": token, "Content-Type": "application/json", "Accept-Encoding": "identity"}

    async def worker(wire: HttpWire) -> None:
        for name, key in todo:
            target = f"/v1/{project}/secrets/{name}"
            body = b'{"kms_key_id":"%b"}' % key.encode()
            answer = await wire.send(WireRequest(method="PUT", target=target, headers=headers, body=body))
            if isinstance(answer, Fault):
                raise TypeError(answer)

    async with HttpWire(url, timeout_s=300.0) as wire:
        await asyncio.gather(*(worker(wire) for _ in range(workers)))


if __name__ == "__main__":
    _, url, token, project, manifest, workers = sys.argv
    run_loop(lambda: send_all(url, token, project, Path(manifest), int(workers)))
