"""The token by which a platform vouches for a job, as a pod or a CI system has one: read again for every login."""

from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path

from batch.csms.auth.credential import CredentialError
from batch.csms.auth.pasted import odd_token
from batch.csms.auth.private_file import read_private
from batch.redaction.masked import Masked

_LATELY = 4


class LatelyUsed:
    """Secrets that a login hands over for its keys; the last few of them, whose answers may still be shown."""

    def __init__(self) -> None:
        self._kept: deque[Masked] = deque(maxlen=_LATELY)

    def note(self, secret: Masked) -> Masked:
        """The same secret, from now on known; to be called before it goes anywhere."""
        if secret not in self._kept:
            self._kept.append(secret)
        return secret

    def secrets(self) -> tuple[Masked, ...]:
        """For redaction."""
        return tuple(self._kept)


class IdentityToken:
    """Reads the token as it is now: a platform puts another one into its file long before the old one ends."""

    def __init__(self, read: Callable[[], Masked], used: LatelyUsed, *, source: str) -> None:
        self._read = read
        self._used = used
        self.source = source

    def read(self) -> Masked:
        """The token.

        Raises:
            CredentialError: its file cannot be read, strangers may read it, or what is in it is no token.
        """
        return self._used.note(self._read())


def token_in_file(path: Path, used: LatelyUsed) -> IdentityToken:
    """The token in a file, which is read once now, so that a file that cannot be used is no surprise later.

    Raises:
        CredentialError: as `IdentityToken.read`.
    """
    token = IdentityToken(partial(_from_file, path), used, source=str(path))
    token.read()
    return token


def token_in_variable(name: str, text: str, used: LatelyUsed) -> IdentityToken:
    """The token in a variable, which stays what it is.

    Raises:
        CredentialError: it is no token.
    """
    given = used.note(_checked(text, name))
    return IdentityToken(lambda: given, used, source=name)


def _from_file(path: Path) -> Masked:
    return _checked(read_private(path, projected=True).text, str(path))


def _checked(text: str, source: str) -> Masked:
    token = text.strip()
    if (odd := odd_token(token)) is not None:
        raise CredentialError(f"{source}: holds no token: what is there {odd}")
    return Masked(token)
