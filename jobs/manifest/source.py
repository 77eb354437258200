"""Takes a manifest's bytes in: one local file or standard input, copied exactly before anything reads it."""

import contextlib
import errno
import hashlib
import os
import stat
import zlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import Protocol

from jobs.delimiter import Delimiter
from jobs.manifest.layout import MANIFEST_LAYOUT, Layout
from jobs.manifest.not_a_file import other_than_file
from jobs.printable import storable
from jobs.problem import ManifestError, Problem, plain
from jobs.run_dir import names
from jobs.run_dir.durable import whole_file

GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
PARQUET_MAGIC = b"PAR1"
STDIN_NAME = "<stdin>"
MAX_BYTES = 8 << 30
"""The most a manifest may hold, as it comes and unpacked: about 80 million rows."""
_CHUNK_BYTES = 1 << 20
_SNIFFED_BYTES = 64 << 10
_KNOWN = "name it .csv, .tsv or .parquet (text also with .gz or .zst after that)"


class Format(StrEnum):
    """How rows are laid out."""

    CSV = "csv"
    TSV = "tsv"
    PARQUET = "parquet"


class Packing(StrEnum):
    """How a text is compressed; the value is its file suffix."""

    NONE = ""
    GZIP = "gz"
    ZSTD = "zst"


class Readable(Protocol):
    """Anything bytes can be read from."""

    def read(self, size: int, /) -> bytes | None:
        """At most `size` bytes; none at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestCopy:
    """A manifest's own bytes in a file that no other program writes; `name` is what its user called it."""

    path: Path
    sha256: str
    size: int
    name: str
    separator: Delimiter | None = None
    """What its user says stands between two fields."""
    layout: Layout = MANIFEST_LAYOUT
    wave_by: str | None = None
    """The column that waves go by, where there are any."""

    @property
    def format(self) -> Format:
        """How its rows are laid out, by the suffix of the copy."""
        return _kind(self.path.name)[0]

    @property
    def packing(self) -> Packing:
        """How it is compressed, by the suffix of the copy."""
        return _kind(self.path.name)[1]

    @property
    def delimiter(self) -> str:
        """What stands between two fields of a text manifest."""
        usual = Delimiter.TAB if self.format is Format.TSV else Delimiter.COMMA
        return (self.separator or usual).character

    def problem(
        self, reason: str, *, line: int | None = None, row: int | None = None, column: str | None = None
    ) -> Problem:
        """A structural problem of this manifest."""
        return Problem(file=self.name, reason=reason, structural=True, line=line, row=row, column=column)

    def row_problem(self, row: int, column: str, reason: str) -> Problem:
        """A problem of one row, which a text has on the line after that of its number: the first has the names."""
        line = None if self.format is Format.PARQUET else row + 1
        return Problem(file=self.name, line=line, row=row, column=column, reason=reason, structural=False)


def copy_manifest(
    manifest: str, into_dir: Path, *, stdin: Readable | None = None, max_bytes: int = MAX_BYTES
) -> ManifestCopy:
    """Copies a manifest byte for byte to `into_dir/manifest.<suffix>` and returns the copy, durably on disk.

    `manifest` is a path, never a URL; `-` is `stdin`, whose format is taken from its first bytes. The copy is
    readable by its owner only, appears whole or not at all, and replaces nothing.

    Raises:
        ManifestError: the manifest is missing, not a regular file, unreadable, of no known format, or too big.
        OSError: the copy cannot be written.
    """
    if manifest == "-":
        return _copy(STDIN_NAME, *_from_stdin(stdin, max_bytes), into_dir)
    if (other := other_than_file(manifest)) is not None:
        raise _unusable(manifest, other)
    try:
        kind = _kind(Path(manifest).name)
    except ValueError as error:
        with _reading(manifest):
            Path(manifest).stat()  # what is not there has another fault than its name
        raise _unusable(manifest, str(error)) from error
    with contextlib.closing(_from_file(manifest, max_bytes)) as chunks:
        return _copy(manifest, kind, chunks, into_dir)


def sha256_of(manifest: str) -> str:
    """The SHA-256 of a manifest that is a file; nothing is written.

    Raises:
        ManifestError: as `copy_manifest`.
    """
    digest = hashlib.sha256()
    with contextlib.closing(_from_file(manifest, MAX_BYTES)) as chunks:
        for chunk in chunks:
            digest.update(chunk)
    return digest.hexdigest()


def _copy(name: str, kind: tuple[Format, Packing], chunks: Iterator[bytes], into_dir: Path) -> ManifestCopy:
    path = into_dir / ".".join(filter(None, (names.MANIFEST, *kind)))
    first = next(chunks, b"")  # a manifest that cannot be read leaves no trace in the folder
    if os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    with whole_file(path) as out:
        for chunk in chain((first,), chunks):
            out.write(chunk)
    return ManifestCopy(path=path, sha256=out.sha256, size=out.size, name=storable(name))


def _from_file(manifest: str, max_bytes: int) -> Generator[bytes, None, None]:
    with _reading(manifest):
        raw = open(manifest, "rb", buffering=0, opener=_open_without_waiting)  # noqa: SIM115 - closed below
    with raw:
        before = os.fstat(raw.fileno())
        if not stat.S_ISREG(before.st_mode):
            raise _unusable(manifest, "was replaced by what is not a regular file")
        yield from _chunks(manifest, raw, max_bytes)
        after = os.fstat(raw.fileno())
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise _unusable(
                manifest, "the file was written to while it was being copied; try again when it is complete"
            )


def _open_without_waiting(path: str, flags: int) -> int:
    # Without O_NONBLOCK, opening a FIFO that has no writer would wait for ever.
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)


def _from_stdin(stdin: Readable | None, max_bytes: int) -> tuple[tuple[Format, Packing], Iterator[bytes]]:
    if stdin is None:
        raise _unusable(STDIN_NAME, "there is no standard input")
    chunks = _chunks(STDIN_NAME, stdin, max_bytes)
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= _SNIFFED_BYTES:
            break
    return _sniff(head), chain((head,), chunks)


def _chunks(name: str, raw: Readable, max_bytes: int) -> Iterator[bytes]:
    total = 0
    while True:
        with _reading(name):
            chunk = raw.read(_CHUNK_BYTES)
        if not chunk:
            return
        total += len(chunk)
        if total > max_bytes:
            raise _unusable(name, f"more than {max_bytes} bytes; split the manifest")
        yield chunk


@contextlib.contextmanager
def _reading(name: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL, or a closed stream
        reason = (error.strerror if isinstance(error, OSError) else None) or plain(str(error))
        hint = "; a manifest is a local file, never a URL" if "://" in name else ""
        raise _unusable(name, f"cannot be read: {reason}{hint}") from error


def _kind(file_name: str) -> tuple[Format, Packing]:
    stem, dot, suffix = file_name.lower().rpartition(".")
    packing = Packing.NONE
    if suffix in {Packing.GZIP, Packing.ZSTD}:
        packing = Packing(suffix)
        suffix = stem.rpartition(".")[2] if "." in stem else ""
    if not dot or suffix not in set(Format) or (suffix == Format.PARQUET and packing is not Packing.NONE):
        raise ValueError(f"the suffix does not tell the format; {_KNOWN}")
    return Format(suffix), packing


def _sniff(head: bytes) -> tuple[Format, Packing]:
    if head.startswith(PARQUET_MAGIC):
        return Format.PARQUET, Packing.NONE
    if head.startswith(GZIP_MAGIC):
        with contextlib.suppress(zlib.error):
            head = zlib.decompressobj(wbits=31).decompress(head, _SNIFFED_BYTES)
        return _layout(head), Packing.GZIP
    if head.startswith(ZSTD_MAGIC):
        return _layout(_unpacked_zstd(head)), Packing.ZSTD
    return _layout(head), Packing.NONE


def _unpacked_zstd(head: bytes) -> bytes:
    with contextlib.suppress(ImportError):  # the reader will say so
        from jobs.manifest.zstd import unpacker, zstd  # noqa: PLC0415 - few manifests need it

        with contextlib.suppress(zstd.ZstdError):
            return unpacker().decompress(head, _SNIFFED_BYTES)
    return b""


def _layout(head: bytes) -> Format:
    header = head.replace(b"\r", b"\n").partition(b"\n")[0]
    return Format.TSV if b"\t" in header and b"," not in header else Format.CSV


def _unusable(name: str, reason: str) -> ManifestError:
    return ManifestError(Problem(file=name, reason=reason, structural=True))
