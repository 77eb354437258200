"""The forms in which a secret may turn up in a text, and how to tell quickly that it is in none of them."""

import base64
import functools
import html
import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

from batch.redaction.masked import Masked

_WORD = 8
"""What is shorter than this may be a part of other words, and means nothing there."""
_LEAST_CUT = 8
_MOST_CUT = 16
# Tokens are up to some ten thousand characters: their start is enough, and what follows it without a gap.
_HUGE = 256
_REST = r"[^\s\"'\\]*"
_GAPLESS = re.compile(r"[^\s\"'\\]+")


class Forms:
    """The forms of one secret."""

    def __init__(self, text: str) -> None:
        """Makes its needles; the pattern is made when one of them is found."""
        self._text = text
        self._shapes = tuple(sorted(set(_shapes(text)), key=len, reverse=True)) if text else ()
        self._needles = tuple({shape[: _cut(shape)] for shape in self._shapes})

    def may_be_in(self, text: str) -> bool:
        """Whether it has to be looked for at all."""
        for needle in self._needles:  # noqa: SIM110 - asked of every text that is kept: `any` takes twice as long
            if needle in text:
                return True
        return False

    @property
    def heads(self) -> set[str]:
        """The first characters of what is looked for; fewer than eight only for a secret that is shorter."""
        return {needle[:_WORD] for needle in self._needles}

    def begins_at(self, text: str) -> int:
        """Where the text ends in a beginning of the secret, be it a single character; its length where it does not."""
        return min((_begins_at(shape, text) for shape in self._shapes), default=len(text))

    @functools.cached_property
    def pattern(self) -> re.Pattern[str]:
        """Finds it whole, or cut off after its first characters."""
        if len(self._text) < _WORD:
            return re.compile(rf"(?<!\w){re.escape(self._text)}(?!\w)")
        whole = (re.escape(shape) for shape in self._shapes if len(shape) < _HUGE or not _GAPLESS.fullmatch(shape))
        cut = (re.escape(needle) + _REST for needle in self._needles)
        return re.compile("|".join([*whole, *cut]))


class Heads:
    """Finds that none of many secrets is in a text, at a cost that does not grow with their number."""

    def __init__(self, known: Iterable[Forms]) -> None:
        heads = {head for forms in known for head in forms.heads}
        self._short = tuple(head for head in heads if len(head) < _WORD)
        self._heads = heads - set(self._short)

    def may_be_in(self, text: str) -> bool:
        """Whether the secrets have to be asked one by one."""
        found = (text[at : at + _WORD] in self._heads for at in range(len(text) - _WORD + 1))
        return any(found) or any(head in text for head in self._short)


@functools.lru_cache(maxsize=8_192)
def forms_of(secret: Masked) -> Forms:
    """The forms of a secret; they are kept, as a run may ask for them at every line it writes."""
    return Forms(secret.reveal())


def _begins_at(shape: str, text: str) -> int:
    at = text.find(shape[0], max(0, len(text) - len(shape)))
    while at >= 0 and not shape.startswith(text[at:]):
        at = text.find(shape[0], at + 1)
    return at if at >= 0 else len(text)


def _cut(shape: str) -> int:
    """So many first characters of a shape are distinguished from a word of our own."""
    return len(shape) if len(shape) < _WORD else min(_MOST_CUT, max(_LEAST_CUT, (len(shape) + 1) // 2))


def _shapes(text: str) -> Iterator[str]:
    yield text
    if len(text) < _WORD:
        return
    # A text of the environment need not be UTF-8: its stray bytes are lone surrogates.
    raw = text.encode("utf-8", "surrogatepass")
    yield text.encode("utf-8", "replace").decode()
    yield quote(raw, safe="")
    yield quote(raw)
    yield quote_plus(raw)
    yield html.escape(text)
    for ascii_only in (True, False):
        in_json = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
        yield in_json
        yield in_json.replace("/", "\\/")
    yield repr(text)[1:-1]
    yield raw.hex()
    yield raw.hex().upper()
    for altchars in (b"+/", b"-_"):
        yield base64.b64encode(raw, altchars).decode().rstrip("=")
        for before in (1, 2):
            yield _inside_base64(raw, before, altchars)


def _inside_base64(raw: bytes, before: int, altchars: bytes) -> str:
    """The characters that these bytes alone decide where others stand before them, such as a user's name."""
    encoded = base64.b64encode(bytes(before) + raw, altchars).decode()
    bits = 8 * before
    return encoded[-(-bits // 6) : (bits + 8 * len(raw)) // 6]
