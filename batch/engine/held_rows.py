"""The rows of keys that are held back: they stay open, and come again should their key turn out to be good."""

from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence

from batch.engine.work import Work


class HeldRows:
    """Keeps rows apart by key: those that were taken up as they are, others, of which there may be a million, as a
    number of eight bytes.
    """

    def __init__(self) -> None:
        self._works: defaultdict[str, list[Work]] = defaultdict(list)
        self._passed_over: defaultdict[str, array[int]] = defaultdict(lambda: array("q"))

    def keep(self, work: Work) -> None:
        """Keeps a row that was taken up."""
        self._works[work.progress.update.kms_key_id].append(work)

    def pass_over(self, kms_key_id: str, row: int) -> None:
        """Notes a row that was not."""
        self._passed_over[kms_key_id].append(row)

    def release(self, kms_key_id: str) -> tuple[list[Work], Sequence[int]]:
        """Gives the rows of one key back: those that were taken up, and the numbers of the others in manifest order."""
        return self._works.pop(kms_key_id, []), self._passed_over.pop(kms_key_id, ())

    def pop(self, kms_key_id: str, *, last: bool) -> int | None:
        """Takes out the first or the last row of a key that was not taken up."""
        rows = self._passed_over.get(kms_key_id)
        return rows.pop(-1 if last else 0) if rows else None

    def pop_kept(self, kms_key_id: str) -> Work | None:
        """Takes out one row of a key that was taken up."""
        works = self._works.get(kms_key_id)
        return works.pop(0) if works else None

    def rest(self) -> Iterator[Work]:
        """Empties it of the rows that were taken up."""
        while self._works:
            yield from self._works.popitem()[1]
