"""What every kind of credential offers, and the type that keeps a secret text from being shown."""

from typing import NoReturn, Protocol

from batch.csms.messages import WireRequest


class CredentialError(Exception):
    """No usable credential; the message names where it was looked for and never what was found."""


class Masked:
    """A secret text: no repr, no str, no pickle shows it; `reveal` is called only where it goes on the wire."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def __repr__(self) -> str:
        return "***"

    def __str__(self) -> str:
        return "***"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a credential is never pickled")


class Credential(Protocol):
    """Lets requests pass."""

    async def authorize(self, request: WireRequest) -> WireRequest:
        """The request with the headers that allow it."""

    async def renew(self) -> bool:
        """Gets a fresh credential after a refusal; False where there is no other to be had."""
