"""A manifest that a command was given: known by its SHA-256 where that decides whether it is loaded, then copied."""

import dataclasses
import os
from pathlib import Path

from jobs.manifest.loading import PlannedRows
from jobs.manifest.source import ManifestCopy, Readable, copy_manifest, sha256_of
from jobs.problem import plain
from jobs.spec import UsageError


class Incoming:
    """One manifest, which can be read once only where it is a pipe."""

    def __init__(self, manifest: str, stdin: Readable) -> None:
        """`manifest` is a path, or `-` for `stdin`."""
        self.manifest = manifest
        self._stdin = stdin
        self._spooled: ManifestCopy | None = None
        self._copied: str | None = None
        self._frozen: str | None = None

    @property
    def shown(self) -> bool:
        """Whether a person has seen and confirmed what it asks for."""
        return self._frozen is not None

    def freeze(self) -> None:
        """From now on only the bytes that were copied last are taken: those that a person has confirmed."""
        self._frozen = self._copied

    @property
    def planned(self) -> PlannedRows | None:
        """What a plan says of its rows, where it comes from one."""
        return None

    @property
    def read_once(self) -> bool:
        """Whether it can be read only once, as a pipe is."""
        # A name that leads nowhere is no error yet: reading it says what is wrong.
        return not os.path.isfile(self.manifest)  # noqa: PTH113 - the other one raises what it is not prepared for

    def sha256(self, spool: Path) -> str:
        """The SHA-256 of its bytes; a pipe is copied into the folder `spool` meanwhile, and nothing else is written.

        Raises:
            ManifestError: it is missing, unreadable, of no known format, or too big.
            OSError: the copy cannot be written.
        """
        if os.access(self.manifest, os.R_OK) and not self.read_once:
            return sha256_of(self.manifest)
        self._spooled = self._spooled or copy_manifest(self.manifest, spool, stdin=self._stdin)
        return self._spooled.sha256

    def copy_to(self, folder: Path) -> ManifestCopy:
        """Its copy in a folder, as `copy_manifest` makes it.

        Raises:
            ManifestError: as `sha256`.
            OSError: as `sha256`.
            UsageError: its bytes are not those that were confirmed.
        """
        if self._spooled is None:
            copy = self._copy(folder)
            if self._frozen not in {None, copy.sha256}:
                raise UsageError(f"{plain(self.manifest)}: has changed since it was shown; nothing was sent")
            self._copied = copy.sha256
            return copy
        path = self._spooled.path.replace(folder / self._spooled.path.name)
        return dataclasses.replace(self._spooled, path=path)

    def _copy(self, folder: Path) -> ManifestCopy:
        return copy_manifest(self.manifest, folder, stdin=self._stdin)
