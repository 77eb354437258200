"""Streams the unpacked bytes of a text manifest, bounded whatever the file holds."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import assert_never

from jobs.manifest.source import MAX_BYTES, Packing
from jobs.problem import one_line

_BLOCK_BYTES = 1 << 20
_FIRST_BYTES = 1 << 16
"""Some want no more than the header line."""
_ZSTD_STEP_BYTES = 1 << 14


class UnreadableError(Exception):
    """The bytes end here, for a reason that is not the end of the file."""


def unpacked(path: Path, packing: Packing, *, max_bytes: int = MAX_BYTES) -> Iterator[bytes]:
    """Yields the bytes of a file, unpacked, in blocks.

    Raises:
        UnreadableError: the file cannot be read, is damaged or truncated, or unpacks to more than `max_bytes`.
    """
    total = 0
    for block in _guarded(path, packing):
        total += len(block)
        if total > max_bytes:
            raise UnreadableError(f"more than {max_bytes} bytes when unpacked; split the manifest")
        yield block


def _guarded(path: Path, packing: Packing) -> Iterator[bytes]:
    try:
        match packing:
            case Packing.NONE:
                yield from _stored(path)
            case Packing.GZIP:
                yield from _gunzipped(path)
            case Packing.ZSTD:
                yield from _unzstd(path)
            case _:
                assert_never(packing)
    except ImportError as error:  # a Python that was built without it
        raise UnreadableError("this Python cannot unpack zstd: unpack the file first") from error
    except EOFError as error:
        raise UnreadableError("the gzip data is truncated: the file is not complete") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise UnreadableError(f"not sound gzip data: {one_line(error)}") from error
    except OSError as error:
        raise UnreadableError(f"cannot be read: {error.strerror or one_line(error)}") from error


def _stored(path: Path) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as raw:
        block = raw.read(_FIRST_BYTES)
        while block:
            yield block
            block = raw.read(_BLOCK_BYTES)


def _gunzipped(path: Path) -> Iterator[bytes]:
    with path.open("rb") as raw, gzip.GzipFile(fileobj=raw, mode="rb") as stream:
        while block := stream.read(_BLOCK_BYTES):
            yield block


def _unzstd(path: Path) -> Iterator[bytes]:
    gathered = bytearray()
    try:
        for piece in _zstd_pieces(path):
            gathered += piece
            if len(gathered) >= _BLOCK_BYTES:
                yield bytes(gathered)
                gathered.clear()
    except UnreadableError:
        if gathered:
            yield bytes(gathered)
        raise
    if gathered:
        yield bytes(gathered)


def _zstd_pieces(path: Path) -> Iterator[bytes]:
    from jobs.manifest.zstd import unpacker, zstd  # noqa: PLC0415 - few manifests need it

    frame = None
    with path.open("rb") as raw:
        while step := raw.read(_ZSTD_STEP_BYTES):
            while step or (frame is not None and not frame.needs_input):
                frame = frame or unpacker()
                try:
                    yield frame.decompress(step, _BLOCK_BYTES)
                except zstd.ZstdError as error:
                    raise UnreadableError(f"not sound zstd data: {one_line(error)}") from error
                step = frame.unused_data
                frame = None if frame.eof else frame
    if frame is not None:
        raise UnreadableError("the zstd data is truncated: the file is not complete")
