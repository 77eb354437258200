"""The token by which a platform vouches for a job, as a pod or a CI system has one: read again for every login."""

from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path

from batch.csms.auth.credential import CredentialError
from batch.csms.auth.pasted import odd_token
from batch.csms.auth.private_file import read_private
from batch.csms.faults import Fault
from batch.redaction.masked import Masked

_LATELY = 4


class LatelyUsed:
    """Secrets that a login hands over for its keys; the last few of them, whose answers may still be shown."""

    def __init__(self) -> None:
        self._kept: deque[Masked] = deque(maxlen=_LATELY)

    def note(self, secret: Masked) -> Masked:
        """The same secret, from now on known; to be called each time before it goes anywhere."""
        if secret in self._kept:
            self._kept.remove(secret)
        self._kept.append(secret)
        return secret

    def secrets(self) -> tuple[Masked, ...]:
        """For redaction."""
        return tuple(self._kept)


class IdentityToken:
    """Gets the current token: a platform puts another one in its place long before the old one ends."""

    def __init__(self, get: Callable[[], Awaitable[Masked | Fault]], used: LatelyUsed, *, source: str) -> None:
        self._get = get
        self._used = used
        self.source = source

    async def get(self) -> Masked | Fault:
        """The token, or why the platform gives none.

        Raises:
            CredentialError: its file cannot be read, strangers may read it, or what is in it is not a token.
        """
        got = await self._get()
        return got if isinstance(got, Fault) else self._used.note(got)


def token_in_file(path: Path, used: LatelyUsed) -> IdentityToken:
    """The token in a file, which is read once now, so that an unusable file is noticed at once.

    Raises:
        CredentialError: as `IdentityToken.get`.
    """
    used.note(_from_file(path))

    async def read() -> Masked:
        return _from_file(path)

    return IdentityToken(read, used, source=str(path))


def token_in_variable(name: str, text: str, used: LatelyUsed) -> IdentityToken:
    """The token in a variable, which stays what it is.

    Raises:
        CredentialError: it is not a token.
    """
    given = used.note(checked_token(text, name))

    async def same() -> Masked:
        return given

    return IdentityToken(same, used, source=name)


def checked_token(text: str, source: str) -> Masked:
    """A token as it was read from `source`.

    Raises:
        CredentialError: it is none.
    """
    token = text.strip()
    if (odd := odd_token(token)) is not None:
        raise CredentialError(f"{source}: holds no token: what is there {odd}")
    return Masked(token)


def _from_file(path: Path) -> Masked:
    return checked_token(read_private(path, projected=True).text, str(path))
