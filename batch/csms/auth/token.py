"""A ready-made IAM token, from the environment or a file."""

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from batch.csms.auth.credential import CredentialError, Masked
from batch.csms.messages import WireRequest

TOKEN_VARIABLE = "CSMS_REKEY_TOKEN"  # noqa: S105 - the name of a variable, not a token
_TOKEN = re.compile(r"[\x21-\x7e]+")


class TokenCredential:
    """Sends one token with every request (header X-Auth-Token)."""

    def __init__(self, token: Masked) -> None:
        self._token = token

    async def authorize(self, request: WireRequest) -> WireRequest:
        """The request with the token."""
        headers = {**request.headers, "X-Auth-Token": self._token.reveal()}
        return WireRequest(method=request.method, target=request.target, headers=headers, body=request.body)

    async def renew(self) -> bool:
        """A given token has no successor."""
        return False


def find_token(environment: Mapping[str, str], token_file: Path | None) -> Masked | None:
    """The token given by file or, failing that, by environment; None where neither is given.

    Raises:
        CredentialError: the file cannot be read, others may read it, or what is in it is no token.
    """
    if token_file is not None:
        return _checked(_read_private(token_file), str(token_file))
    given = environment.get(TOKEN_VARIABLE)
    return None if given is None else _checked(given, TOKEN_VARIABLE)


def _read_private(path: Path) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        with os.fdopen(descriptor, encoding="ascii", errors="replace") as file:
            mode = os.fstat(file.fileno()).st_mode
            if not stat.S_ISREG(mode) and not stat.S_ISFIFO(mode):
                raise CredentialError(f"{path}: not a file")
            if stat.S_ISREG(mode) and mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise CredentialError(f"{path}: others may read it; run chmod 600 on it")
            return file.read(200_000)
    except OSError as error:
        raise CredentialError(f"{path}: {error.strerror}") from error


def _checked(text: str, source: str) -> Masked:
    token = text.strip()
    if not _TOKEN.fullmatch(token):
        raise CredentialError(f"{source}: holds no token (one line of printable ASCII)")
    return Masked(token)
