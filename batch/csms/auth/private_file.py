"""Reads a file that holds a credential, and refuses one that others can read."""

import os
import stat
from pathlib import Path

import msgspec

from batch.csms.auth.credential import CredentialError

_LIMIT = 200_000
_LONGEST_SHOWN = 255


class PrivateText(msgspec.Struct, frozen=True):
    """What was in the file; `again` says whether it can be read once more (a pipe cannot)."""

    text: str
    again: bool


def read_private(path: Path) -> PrivateText:
    """The text of a file that only its owner can read, or of a pipe.

    Raises:
        CredentialError: it cannot be read, or others may read it.
    """
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            mode = os.fstat(file.fileno()).st_mode
            if not stat.S_ISREG(mode) and not stat.S_ISFIFO(mode):
                raise CredentialError(f"{_shown(path)}: not a file")
            if stat.S_ISREG(mode) and mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise CredentialError(f"{_shown(path)}: others may read it; run chmod 600 on it")
            return PrivateText(file.read(_LIMIT), stat.S_ISREG(mode))
    except OSError as error:
        raise CredentialError(f"{_shown(path)}: {error.strerror}") from error


def _shown(path: Path) -> str:
    """The name of a file that is named; a token that was given in place of one is not shown."""
    text = str(path)
    return text if len(text) <= _LONGEST_SHOWN else "the file of the credential (its name is not shown, it is too long)"
