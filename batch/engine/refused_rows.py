"""The rows that were refused once, for a reason that may be one of the moment, until they are asked once more."""

from collections.abc import Callable, Iterator

from batch.engine.work import Work


class RefusedRows:
    """Keeps rows with the moment at which the refused request left and, where the key was blamed, with that key."""

    def __init__(self) -> None:
        self._works: list[tuple[float, str | None, Work]] = []

    def add(self, work: Work, sent_s: float, *, key: str | None) -> None:
        """Keeps a row."""
        self._works.append((sent_s, key, work))

    def before(self, sent_s: float, kms_key_id: str) -> list[Work]:
        """Takes out the rows whose refusal is older than a PUT of this key that left at `sent_s` and was accepted."""
        if not self._works:
            return []
        return self._take(lambda at_s, key, _: at_s < sent_s and key in {None, kms_key_id})

    def all_but(self, holds: Callable[[str], bool]) -> list[Work]:
        """Takes out all rows but those of keys that are held back."""
        return self._take(lambda _, key, __: key is None or not holds(key))

    def pop(self, kms_key_id: str) -> Work | None:
        """Takes out one row that was refused because of this key."""
        for place, (_, key, work) in enumerate(self._works):
            if key == kms_key_id:
                del self._works[place]
                return work
        return None

    def rest(self) -> Iterator[Work]:
        """Empties it."""
        while self._works:
            yield self._works.pop()[2]

    def _take(self, fits: Callable[[float, str | None, Work], bool]) -> list[Work]:
        taken = [entry for entry in self._works if fits(*entry)]
        if taken:
            self._works = [entry for entry in self._works if not fits(*entry)]
        return [work for _, _, work in taken]
