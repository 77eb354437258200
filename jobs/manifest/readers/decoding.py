"""Decodes the bytes of a text manifest strictly and reversibly: nothing is guessed, replaced or lost."""

import codecs
from collections.abc import Iterable, Iterator
from itertools import chain

from jobs.manifest.readers.unpacking import UnreadableError
from jobs.manifest.source import GZIP_MAGIC, PARQUET_MAGIC, ZSTD_MAGIC

BOM = "\ufeff"
_HEAD_BYTES = 40
_UNICODE = frozenset({"utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"})
"""Codecs whose strict decoder accepts only what their encoder writes."""

_WITH_MARK = {
    "utf-16": ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")),
    "utf-32": ((codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be")),
}
_OTHER_FILES = (
    (GZIP_MAGIC, "the file is gzip-compressed: name it .csv.gz or .tsv.gz"),
    (ZSTD_MAGIC, "the file is zstd-compressed: name it .csv.zst or .tsv.zst"),
    (PARQUET_MAGIC, "the file is Parquet: name it .parquet"),
    (b"PK\x03\x04", "the file is a zip archive or an Excel workbook: save the sheet as CSV in UTF-8"),
)
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it starts with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def codec_name(encoding: str, head: bytes) -> str:
    """The codec that decodes a text to exactly what encodes back to the same bytes, byte order mark included.

    `head` is the beginning of the text. A mark is kept as the first character, U+FEFF.

    Raises:
        UnreadableError: no such text encoding, or one that needs a mark and finds none.
    """
    try:
        "".encode(encoding)
        name = codecs.lookup(encoding).name
    except (LookupError, ValueError) as error:
        raise UnreadableError(f"there is no text encoding {encoding!a} (--encoding)") from error
    if name == "utf-8-sig":
        return "utf-8"
    if name not in _WITH_MARK:
        return name
    for mark, exact in _WITH_MARK[name]:
        if head.startswith(mark):
            return exact
    raise UnreadableError(f"no byte order mark: say --encoding {name}-le or {name}-be")


def split_head(blocks: Iterable[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Returns enough of the beginning to know a file by, and what follows it."""
    source = iter(blocks)
    head = b""
    while len(head) < _HEAD_BYTES and (block := next(source, b"")):
        head += block
    return head, source


def decoded(blocks: Iterable[bytes], encoding: str) -> Iterator[str]:
    """Yields the text of some bytes in pieces; a byte order mark stays, as U+FEFF.

    Raises:
        UnreadableError: the bytes are not text in this encoding, or cannot be restored from the text; all text before
            the place has been yielded.
    """
    head, source = split_head(blocks)
    for magic, reason in _OTHER_FILES:
        if head.startswith(magic):
            raise UnreadableError(reason)
    codec = codec_name(encoding, head)
    if not codec.startswith(("utf-16", "utf-32")) and (likely := _unmarked_utf16(head)):
        raise UnreadableError(f"the file looks like UTF-16 without a byte order mark: say --encoding {likely}")
    hint = _hint(head, codec)
    decode = codecs.getincrementaldecoder(codec)("strict").decode
    exact = None if codec in _UNICODE else _Reversal(codec)
    for data, final in chain(((block, False) for block in chain((head,), source)), ((b"", True),)):
        try:
            text = decode(data, final)
        except UnicodeError as error:
            yield _before(error, codec)
            raise UnreadableError(_why(error, codec) + hint) from error
        lost = exact.lost_from(data, text, final=final) if exact else None
        yield text[:lost]
        if lost is not None:
            raise UnreadableError(f"some bytes cannot be restored exactly from {codec}: save the manifest as UTF-8")


class _Reversal:
    """Proves, block by block, that encoding the text again gives the same bytes: the retry file is cut so."""

    def __init__(self, codec: str) -> None:
        self._codec = codec
        self._encode = codecs.getincrementalencoder(codec)("strict").encode
        self._waiting = b""

    def lost_from(self, data: bytes, text: str, *, final: bool) -> int | None:
        """Where in `text` the first bytes stand that would come back as others; None when all come back."""
        waiting = self._waiting + data
        try:
            text.encode()  # UTF-7 can hide a lone surrogate, which no report could show
            back = self._encode(text, final)
        except UnicodeError:
            return 0
        self._waiting = waiting[len(back) :]
        if waiting.startswith(back) and not (final and self._waiting):
            return None
        pairs = enumerate(zip(waiting, back, strict=False))
        same = next((index for index, (one, other) in pairs if one != other), min(len(waiting), len(back)))
        return len(waiting[:same].decode(self._codec, "ignore"))


def _unmarked_utf16(head: bytes) -> str | None:
    even, odd = head[0:_HEAD_BYTES:2], head[1:_HEAD_BYTES:2]
    if even and odd and not any(odd) and all(even):
        return "utf-16-le"
    if even and odd and not any(even) and all(odd):
        return "utf-16-be"
    return None


def _before(error: UnicodeError, codec: str) -> str:
    if not isinstance(error, UnicodeDecodeError):
        return ""
    return error.object[: error.start].decode(codec, "ignore")


def _why(error: UnicodeError, codec: str) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"not valid {codec} (byte 0x{error.object[error.start]:02x}, {error.reason})"
    return f"not valid {codec}"


def _hint(head: bytes, codec: str) -> str:
    for mark, name in _MARKS:
        if head.startswith(mark) and not codec.startswith(name):
            return f"; the file starts with the byte order mark of {name}: say --encoding {name}"
    return "; say which encoding the file has, such as --encoding gb18030, utf-16 or cp1252"
