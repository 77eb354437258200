"""One session over a bad day, and what it came to at the service: time, requests, refusals, rows done."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from batch.csms.auth import Login
from batch.sandbox.assembly import Sandbox
from jobs.model import Status
from jobs.rate import Rate
from jobs.spec import Limits
from tests.engine.machine import Job, load_job, run_job
from tests.engine.rows import moves
from tests.kit.records import Record, records_of
from tests.oracle import violations


def limits(rate: str = "50/s", **more: Any) -> Limits:
    """As a user would have them, with the attempts that a bad day wants."""
    return Limits(**{"rate": Rate.parse(rate), "max_attempts": 8, **more})


@dataclass(frozen=True, kw_only=True)
class Day:
    """A session that came to its own end without a violation of the oracle."""

    job: Job
    records: tuple[Record, ...]

    @cached_property
    def puts(self) -> list[Record]:
        return [record for record in self.records if record.method == "PUT"]

    @cached_property
    def statuses(self) -> Counter[Status]:
        return Counter(self.job.statuses())

    @property
    def took_s(self) -> float:
        """From the first PUT to the last one."""
        return self.puts[-1].at_s - self.puts[0].at_s

    @property
    def refused(self) -> float:
        """The share of PUTs that were refused for their rate."""
        return sum(record.status == 429 for record in self.puts) / len(self.puts)

    @property
    def until_the_last_put(self) -> int:
        """Requests of all kinds."""
        return sum(record.at_s <= self.puts[-1].at_s for record in self.records)


def live(
    folder: Path, sandbox: Sandbox, allowed: Limits, *, seed: int = 1, login: Login | None = None, **line: Any
) -> Day:
    """Every secret moved in one session, as far as the day lets it; `line` changes fields of `Line`."""
    job = load_job(folder / "run", sandbox, moves(sandbox))
    job.login = login
    end = run_job(job, allowed, seed=seed, line=line)
    assert end is not None
    assert (end.stopped, end.broken, end.defect) == (None, None, None)
    assert violations(job.case(allowed)) == []
    return Day(job=job, records=records_of(sandbox.journal))
