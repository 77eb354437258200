"""The campaign folder for who has to answer to a person: a store that hangs is one that fails."""

import errno
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from batch.fleet.storage import Storage, StorageError
from batch.process.beside import within

_LIMIT_S = 30.0
_BYTES_PER_S = 100_000
"""At which a large file has to move at least."""
T = TypeVar("T")


class BoundedStorage(Storage):
    """The same, and no call takes longer than `limit_s`, a file system that does not answer at all included. What was
    given up may still have its effect later.
    """

    def __init__(self, uri: str, *, limit_s: float = _LIMIT_S) -> None:
        super().__init__(uri)
        self._limit_s = limit_s

    def create(self, name: str, data: bytes) -> bool:
        """The same, in bounded time."""
        make = super().create
        return self._bounded(name, lambda: make(name, data))

    def put(self, name: str, data: bytes) -> None:
        """The same, in bounded time."""
        put = super().put
        self._bounded(name, lambda: put(name, data))

    def get(self, name: str) -> bytes | None:
        """The same, in bounded time."""
        get = super().get
        return self._bounded(name, lambda: get(name))

    def upload(self, file: Path, name: str) -> None:
        """The same; a large file has more time."""
        upload = super().upload
        self._bounded(name, lambda: upload(file, name), more_s=file.stat().st_size / _BYTES_PER_S)

    def download(self, name: str, file: Path) -> bool:
        """The same; a large file has more time."""
        size, download = super().size_bytes, super().download
        more_s = self._bounded(name, lambda: size(name)) / _BYTES_PER_S
        return self._bounded(name, lambda: download(name, file), more_s=more_s)

    def names(self, folder: str = "") -> tuple[str, ...]:
        """The same, in bounded time."""
        names = super().names
        return self._bounded(folder, lambda: names(folder))

    def remove(self, name: str) -> None:
        """The same, in bounded time."""
        remove = super().remove
        self._bounded(name, lambda: remove(name))

    def _bounded(self, name: str, call: Callable[[], T], *, more_s: float = 0.0) -> T:
        limit_s = self._limit_s + more_s
        try:
            return within(call, limit_s)
        except TimeoutError as error:
            raise StorageError(errno.ETIMEDOUT, f"no answer for {limit_s:g} s", f"{self.uri}/{name}") from error
