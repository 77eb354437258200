"""The folder that a fleet shares, local or in an object store: each file in it is there whole or not at all."""

import contextlib
import errno
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import fsspec
from fsspec.implementations.local import LocalFileSystem
from fsspec.spec import AbstractFileSystem

from jobs.problem import one_line, plain
from jobs.run_dir.durable import PART, new_file, whole_file
from jobs.spec import UsageError

_CHUNK_BYTES = 1 << 20


class Storage:
    """A folder at a URI. Names in it have `/` between their parts, and no folder needs to be made.

    What may be called from several threads at once is decided by the library of the store; all known ones allow it.
    """

    def __init__(self, uri: str) -> None:
        """A plain path is a local folder. Nothing is read or written yet.

        Raises:
            UsageError: no store can be reached by such a URI, or it holds a credential.
        """
        _refuse_credential(uri)
        try:
            # What one machine has listed, another may have changed meanwhile.
            self._fs, self._root = fsspec.core.url_to_fs(uri, use_listings_cache=False, skip_instance_cache=True)
        except (ImportError, ValueError) as error:
            raise UsageError(f"--dir {plain(uri)}: {one_line(error)}") from error
        self.uri = self._fs.unstrip_protocol(self._root) if isinstance(self._fs, LocalFileSystem) else uri.rstrip("/")

    def require_exclusive(self) -> None:
        """Makes sure that of two machines which create the same file one is refused, by trying: nothing else keeps two
        owners off one shard.

        Raises:
            UsageError: both succeed, or the store's library only looks before it writes.
            StorageError: nothing can be written there.
        """
        looks_first = type(self._fs).pipe_file is AbstractFileSystem.pipe_file
        name = f"probe-{uuid.uuid4().hex}"
        try:
            if (looks_first and not self._local) or not self.create(name, b"1") or self.create(name, b"2"):
                raise UsageError(
                    f"--dir {plain(self.uri)}: this store cannot create a file only where there is none, so nothing"
                    " would keep two machines off one shard; use another"
                )
        finally:
            with contextlib.suppress(StorageError):
                self.remove(name)

    def create(self, name: str, data: bytes) -> bool:
        """Makes a file that is not there yet, whole; False where it is.

        Raises:
            StorageError: it cannot be written. It may be there even so where the store is remote.
        """
        with self._blaming(name):
            try:
                if self._local is not None:
                    with new_file(self._folder_of(name)) as file:
                        file.write(data)
                else:
                    self._fs.pipe_file(self._path(name), data, mode="create")
            except FileExistsError:
                return False
        return True

    def put(self, name: str, data: bytes) -> None:
        """Writes a file, or replaces it: who reads meanwhile sees one or the other.

        Raises:
            StorageError: it cannot be written.
        """
        with self._blaming(name):
            if self._local is not None:
                with whole_file(self._folder_of(name)) as file:
                    file.write(data)
            else:
                self._fs.pipe_file(self._path(name), data)

    def get(self, name: str) -> bytes | None:
        """What a file holds; None where there is none.

        Raises:
            StorageError: it cannot be read.
        """
        with self._blaming(name):
            try:
                return bytes(self._fs.cat_file(self._path(name)))
            except FileNotFoundError:
                return None

    def upload(self, file: Path, name: str) -> None:
        """As `put`, with what a local file holds.

        Raises:
            StorageError: it cannot be written.
            OSError: the file cannot be read.
        """
        if self._local is None:
            with self._blaming(name):
                self._fs.put_file(str(file), self._path(name))
            return
        with file.open("rb") as raw, self._blaming(name), whole_file(self._folder_of(name)) as copy:
            while chunk := raw.read(_CHUNK_BYTES):
                copy.write(chunk)

    def download(self, name: str, file: Path) -> bool:
        """Copies a file into a local one, which is there whole or not at all; False where there is none.

        Raises:
            StorageError: it cannot be read, or the local one cannot be written.
        """
        with self._blaming(name):
            try:
                with self._fs.open(self._path(name), "rb") as raw, whole_file(file) as copy:
                    shutil.copyfileobj(raw, copy, _CHUNK_BYTES)
            except FileNotFoundError:
                return False
        return True

    def size_bytes(self, name: str) -> int:
        """Of a file; 0 where there is none, or its store does not say.

        Raises:
            StorageError: it cannot be read.
        """
        with self._blaming(name):
            try:
                return int(self._fs.size(self._path(name)) or 0)
            except FileNotFoundError:
                return 0

    def names(self, folder: str = "") -> tuple[str, ...]:
        """The files below a folder, as they are named from there, in the order of their names; none where there is no
        such folder.

        Raises:
            StorageError: it cannot be read.
        """
        with self._blaming(folder):
            self._fs.invalidate_cache()
            start = self._path(folder)
            found = [path[len(start) :].lstrip("/") for path in self._fs.find(start) if path != start]
        return tuple(sorted(name for name in found if not name.rpartition("/")[2].startswith(PART)))

    def remove(self, name: str) -> None:
        """Takes a file away, if it is there.

        Raises:
            StorageError: it cannot be.
        """
        with self._blaming(name), contextlib.suppress(FileNotFoundError):
            self._fs.rm_file(self._path(name))

    @property
    def _local(self) -> Path | None:
        return Path(self._root) if isinstance(self._fs, LocalFileSystem) else None

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}" if name else self._root.rstrip("/")

    def _folder_of(self, name: str) -> Path:
        path = Path(self._path(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    @contextlib.contextmanager
    def _blaming(self, name: str) -> Iterator[None]:
        """The libraries of stores raise what they like."""
        try:
            yield
        except Exception as error:
            raise StorageError.of(f"{self.uri}/{name}", error) from error


class StorageError(OSError):
    """The store cannot be read or written. Made as any OSError is, so that it can be pickled as one."""

    @classmethod
    def of(cls, place: str, error: Exception) -> Self:
        """What a library of stores has raised, at the place that it was about."""
        reason = error.strerror if isinstance(error, OSError) and error.strerror else one_line(error)
        return cls(getattr(error, "errno", None) or errno.EIO, reason, plain(place))


def _refuse_credential(uri: str) -> None:
    """It is shown, logged and handed to other machines."""
    try:
        parts = urlsplit(uri)
        named = parts.username is not None or parts.password is not None
    except ValueError as error:
        raise UsageError(f"--dir: {one_line(error)}") from error
    if "://" in uri and (named or parts.query):
        raise UsageError("--dir: holds a user, a password or a query; the store's library finds its login elsewhere")
    if "::" in uri:
        raise UsageError(f"--dir {plain(uri)}: one store behind another; name the store itself")
