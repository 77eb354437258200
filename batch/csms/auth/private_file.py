"""Reads a file that holds a credential, and refuses one that others can read."""

import os
import stat
from collections.abc import Collection
from pathlib import Path

import msgspec

from batch.csms.auth.credential import CredentialError

_LIMIT = 200_000
_LONGEST_SHOWN = 255
_ROOT = 0


class PrivateText(msgspec.Struct, frozen=True):
    """What was in the file; `again` says whether it can be read once more (a pipe cannot)."""

    text: str
    again: bool


class FileAccess(msgspec.Struct, frozen=True, kw_only=True):
    """Who may read a file: its permissions and owners, and whether they can be changed at all."""

    mode: int
    owner: int
    group: int
    read_only: bool


def read_private(path: Path, *, projected: bool = False) -> PrivateText:
    """The text of a file that no stranger can read, or of a pipe; `projected` is a token of the platform's own.

    Raises:
        CredentialError: it cannot be read, or others may read it.
    """
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            status = os.fstat(file.fileno())
            regular = stat.S_ISREG(status.st_mode)
            if not regular and not stat.S_ISFIFO(status.st_mode):
                raise CredentialError(f"{_shown(path)}: not a file")
            access = _access(file.fileno(), status)
            if regular and (cure := exposed(access, os.geteuid(), _groups(), projected=projected)) is not None:
                raise CredentialError(f"{_shown(path)}: others may read it; {cure}")
            return PrivateText(file.read(_LIMIT), regular)
    except OSError as error:
        raise CredentialError(f"{_shown(path)}: {error.strerror}") from error


def exposed(access: FileAccess, user: int, groups: Collection[int], *, projected: bool = False) -> str | None:
    """What to do about a file that others may read; None where only those may who are meant to.

    They are its owner and, where root owns it, the group of ours that root gave it to, if that may only read it: so
    Kubernetes mounts a secret for a pod with a separate group, and that cannot be changed in the pod.

    A `projected` token of a service account is mode 0644 unless the pod names a user. It is taken so, where root owns
    it, only root can write it, and we cannot change that: the mount of one pod shows it to that pod alone.
    """
    fixed = access.owner == _ROOT and (user != _ROOT or access.read_only)
    if projected and fixed and not access.mode & (stat.S_IWGRP | stat.S_IWOTH):
        return None
    given = access.owner == _ROOT != user and access.group in groups
    strangers = stat.S_IRWXO | ((stat.S_IRWXG & ~stat.S_IRGRP) if given else stat.S_IRWXG)
    if not access.mode & strangers:
        return None
    if access.read_only:
        return "its file system is read-only: mount it with mode 0400 (in Kubernetes: defaultMode: 0400, and fsGroup)"
    if access.owner == user:
        return "run chmod 600 on it"
    return "it belongs to another user: copy it to a file of your own, and run chmod 600 on that"


def _access(descriptor: int, status: os.stat_result) -> FileAccess:
    read_only = bool(os.fstatvfs(descriptor).f_flag & os.ST_RDONLY)
    return FileAccess(mode=status.st_mode, owner=status.st_uid, group=status.st_gid, read_only=read_only)


def _groups() -> set[int]:
    return {os.getegid(), *os.getgroups()}


def _shown(path: Path) -> str:
    """The name of a file that is named; a token that was given in place of one is not shown."""
    text = str(path)
    return text if len(text) <= _LONGEST_SHOWN else "the file of the credential (its name is not shown, it is too long)"
