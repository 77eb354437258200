"""Which shards are there, for those that are merged: each once, and none missing."""

from pathlib import Path

from batch.cli.screen import say
from jobs.shard import Shard
from jobs.spec import UsageError

_SHOWN = 5


class RollCall:
    """Refuses what is there twice or missing; with `partial` it is only reported."""

    def __init__(self, *, partial: bool) -> None:
        self._partial = partial
        self._found: dict[int, Path] = {}

    def enter(self, path: Path, shard: Shard) -> bool:
        """Notes a shard; whether it is the first of its number.

        Raises:
            UsageError: it is there already.
        """
        if (earlier := self._found.get(shard.index)) is None:
            self._found[shard.index] = path
            return True
        if not self._partial:
            raise UsageError(f"{path}: shard {shard}, and so is {earlier}; merge one of them")
        say(f"{path}: left out: shard {shard}, and so is {earlier}")
        return False

    def missing(self, count: int, what: str) -> tuple[int, ...]:
        """The numbers of those that are not there; `what` says what becomes of them.

        Raises:
            UsageError: there are some.
        """
        missing = tuple(index for index in range(count) if index not in self._found)
        if missing:
            more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
            named = ", ".join(f"{index}/{count}" for index in missing[:_SHOWN]) + more
            if not self._partial:
                raise UsageError(f"shards are missing: {named}; merge them too, or say --partial")
            say(f"shards are missing: {named}; {what}")
        return missing
