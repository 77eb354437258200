"""The tool itself, with the CPU time of its sending written down; `--no-journal` leaves the commits out."""

import json
import resource
import sys
from pathlib import Path
from typing import Any

from batch import run as engine
from batch.cli.app import main
from jobs.ledger import Ledger

_session = engine._session


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def _metered(plan: engine.RunPlan, ledger: Ledger) -> engine._Ran:
    began_s = _cpu_s()
    ran = await _session(plan, ledger)
    cpu_us = (_cpu_s() - began_s) * 1e6 / plan.record.manifest.rows
    _keep(plan.folder, cpu_us)
    return ran


def _keep(folder: Path, cpu_us: float) -> None:
    (folder / "bench.json").write_text(json.dumps({"cpu_us": cpu_us}))


def _commit_nothing(_ledger: Ledger, **_kwargs: Any) -> None:
    pass


if __name__ == "__main__":
    engine._session = _metered
    arguments = sys.argv[1:]
    if arguments[0] == "--no-journal":
        arguments = arguments[1:]
        Ledger.commit = _commit_nothing  # type: ignore[assignment,method-assign] # what the journal costs is left out
    sys.exit(main(arguments))
