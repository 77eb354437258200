"""How each shard of a merge stood, in what its job differs from that of the first, and which sessions were its own."""

import shlex
from collections import defaultdict
from collections.abc import Iterator
from operator import itemgetter

from msgspec.structs import replace

from jobs.job_facts import changed_options
from jobs.ledger import Ledger
from jobs.ledger.record import JobRecord, ShardFacts
from jobs.shard import Shard


class FoundShards:
    """Those that were taken so far."""

    def __init__(self) -> None:
        self._facts: dict[int, ShardFacts] = {}
        self._begun: list[tuple[float, int]] = []
        """When each session began, and its shard."""

    def note(self, shard: Shard, ledger: Ledger, record: JobRecord, first: JobRecord) -> None:
        """Adds one with its ledger and its job."""
        sessions = ledger.told.sessions()
        last = sessions[-1] if sessions else None
        self._facts[shard.index] = ShardFacts(
            index=shard.index,
            rows=record.rows,
            exit_code=None if last is None else last.exit_code,
            stopped=None if last is None else last.stopped,
            changed=shlex.join(changed_options(record.spec.whole, first.spec.whole)),
        )
        self._begun += ((session.started_at, shard.index) for session in sessions)

    def note_open(self, shard: Shard, rows: int) -> None:
        """Says of one that so many of its rows are open."""
        self._facts[shard.index] = replace(self._facts[shard.index], open_rows=rows)

    def all(self, count: int) -> Iterator[ShardFacts]:
        """Yields all shards, also those that are missing, each with the numbers that `Merging` gives to its sessions:
        by when they began, and then as they were taken.
        """
        numbers: dict[int, list[int]] = defaultdict(list)
        for number, (_, index) in enumerate(sorted(self._begun, key=itemgetter(0)), 1):
            numbers[index].append(number)
        for index in range(count):
            facts = self._facts.get(index) or ShardFacts(index=index, missing=True)
            yield replace(facts, sessions=tuple(numbers[index]))
