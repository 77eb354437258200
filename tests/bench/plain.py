"""What one would write in an afternoon: aiohttp, aiolimiter and a decorator that retries; a slot is held meanwhile."""

import asyncio
import csv
import sys
from pathlib import Path

import aiohttp
import stamina
from aiolimiter import AsyncLimiter

SLOTS = 32
ATTEMPTS = 20


async def send_all(
    url: str, token: str, project: str, manifest: Path, *, per_s: float, first_s: float, longest_s: float
) -> None:
    """Sends one PUT per row, and again what failed: after `first_s`, then twice as long each time, and a jitter."""
    with manifest.open(newline="") as file:
        rows = [(row["secret_name"], row["kms_key_id"]) for row in csv.DictReader(file)]
    todo = iter(rows)
    limiter = AsyncLimiter(per_s, 1)

    async with aiohttp.ClientSession(headers={"X-Auth-Token": token}, raise_for_status=True) as session:

        @stamina.retry(
            on=(aiohttp.ClientError, TimeoutError),
            attempts=ATTEMPTS,
            timeout=None,
            wait_initial=first_s,
            wait_max=longest_s,
        )
        async def put(name: str, key: str) -> None:
            async with (
                limiter,
                session.put(f"{url}/v1/{project}/secrets/{name}", json={"kms_key_id": key}) as answer,
            ):
                await answer.read()

        async def worker() -> None:
            for name, key in todo:
                try:
                    await put(name, key)
                except (aiohttp.ClientError, TimeoutError) as error:
                    print(name, error, file=sys.stderr)

        await asyncio.gather(*(worker() for _ in range(SLOTS)))


if __name__ == "__main__":
    _, url, token, project, manifest, *numbers = sys.argv
    per_s, first_s, longest_s = map(float, numbers)
    asyncio.run(send_all(url, token, project, Path(manifest), per_s=per_s, first_s=first_s, longest_s=longest_s))
