"""The event loop of a run."""

import asyncio

from batch.process.loop import run_loop


def test_development_mode_never_reports_how_long_the_disk_took() -> None:
    async def seen() -> float:
        return asyncio.get_running_loop().slow_callback_duration

    assert run_loop(seen) > 60.0
