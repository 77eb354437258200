"""Decides when the ledger of a shard is copied, and when nothing may be sent until it is: pure, with time passed in.

What is sent after the beginning of the last snapshot that was kept is sent again if the disk is lost. That is bounded:
nothing is sent once it is older than an interval. The next is begun when three quarters of that are over, so that it is
kept in time, also by a store that fails once or twice. Where snapshots take long, the interval is longer: two of them
in a row, as a single one may have waited for a machine that was frozen or a store that was down.
"""

import msgspec

from batch.fleet.lease import LeaseTimes

_INTERVALS_OF_ONE = 15
"""A snapshot may take the fifteenth part of an interval, and so less than a tenth of the time."""
_LONGEST = 10
"""An interval is never longer than so many of the usual ones."""
_BEGUN_AFTER = 0.75
_REST = 9
"""After one that took a second, so many seconds pass before another one, also where somebody waits for it."""
_TRY, _LATE_AFTER = 2, 3
"""Intervals that one may take; and without a snapshot, after which another machine may have more luck."""


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """When snapshots were made: the last that was kept began at `kept_s` and took `took_s`, and the one before it
    `before_s`; the last try ended at `tried_s`, and so many in a row have failed.
    """

    kept_s: float
    tried_s: float
    took_s: float = 0.0
    before_s: float = 0.0
    failed: int = 0

    def kept(self, began_s: float, now_s: float) -> "Pace":
        """After one that began at `began_s`."""
        return Pace(kept_s=began_s, tried_s=now_s, took_s=now_s - began_s, before_s=self.took_s)

    def not_kept(self, now_s: float) -> "Pace":
        """After one that failed."""
        return msgspec.structs.replace(self, tried_s=now_s, failed=self.failed + 1)

    def interval_s(self, times: LeaseTimes) -> float:
        """The most that is lost with the disk."""
        return min(
            max(times.snapshot_s, _INTERVALS_OF_ONE * min(self.took_s, self.before_s)), _LONGEST * times.snapshot_s
        )

    def due_s(self, times: LeaseTimes, *, wanted: bool) -> float:
        """When to begin the next, where somebody waits for it or not; each that fails has the next wait for twice as
        long.
        """
        begun_after_s = _BEGUN_AFTER * self.interval_s(times)
        if self.failed:
            return min(self.tried_s + min(times.look_s * 2.0 ** (self.failed - 1), begun_after_s), self.late_s(times))
        return self.tried_s + min(_REST * self.took_s, begun_after_s) if wanted else self.kept_s + begun_after_s

    def holds_s(self, times: LeaseTimes) -> float:
        """From when on nothing may be sent."""
        return self.kept_s + self.interval_s(times)

    def try_s(self, now_s: float, times: LeaseTimes) -> float:
        """How long the next one may take at most."""
        return max(0.0, min(_TRY * self.interval_s(times), self.late_s(times) - now_s))

    def late_s(self, times: LeaseTimes) -> float:
        """When to give it up: not before the next has had its time, as only two in a row make an interval longer."""
        interval_s = self.interval_s(times)
        return self.kept_s + max(_LATE_AFTER * interval_s, self.took_s + _TRY * interval_s)
