"""Which rows of a manifest are meant, in bounded memory: an eighth of a byte for each row there is."""

from collections.abc import Iterator

_GROWTH_BYTES = 4_096
_BITS = tuple(tuple(bit for bit in range(8) if byte >> bit & 1) for byte in range(256))


class RowNumbers:
    """Takes the numbers of rows, and gives them back in ascending order."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def add(self, row: int) -> None:
        """Takes one more."""
        place = row >> 3
        if place >= len(self._bytes):
            self._bytes.extend(bytes(place - len(self._bytes) + _GROWTH_BYTES))
        self._bytes[place] |= 1 << (row & 7)

    def __iter__(self) -> Iterator[int]:
        return (place * 8 + bit for place, byte in enumerate(self._bytes) if byte for bit in _BITS[byte])

    def __bool__(self) -> bool:
        return bool(self._bytes)
