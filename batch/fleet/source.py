"""The rows of a campaign as a command takes them: its manifest or plan, copied out of the shared folder."""

import dataclasses
import hashlib
from pathlib import Path
from typing import Protocol

from batch.fleet import campaign
from batch.fleet.campaign import Campaign, SourceFile
from jobs.manifest.incoming import Incoming
from jobs.manifest.source import ManifestCopy
from jobs.plan.document import PLAN, PREVIEW, ROWS
from jobs.plan.opened import PlannedManifest, open_plan
from jobs.spec import UsageError

_OF_A_PLAN = (PLAN, ROWS, PREVIEW)


class Folder(Protocol):
    """The shared folder; it may raise an OSError."""

    def download(self, name: str, file: Path) -> bool:
        """Copies a file; False where there is none."""


class _Nothing:
    def read(self, size: int) -> bytes:  # noqa: ARG002 - a campaign never comes from a pipe
        return b""


class _Named(Incoming):
    """A manifest that has the name that its user gave it, wherever it was copied to."""

    def __init__(self, path: Path, name: str) -> None:
        super().__init__(str(path), _Nothing())
        self._name = name

    def _copy(self, folder: Path) -> ManifestCopy:
        return dataclasses.replace(super()._copy(folder), name=self._name)


def source_files(copy: ManifestCopy, plan: Path | None) -> tuple[tuple[Path, SourceFile], ...]:
    """What has to be there for every machine, with where it is now: of a manifest its copy, of a plan its own files.

    Raises:
        OSError: a file cannot be read.
    """
    if plan is None:
        return ((copy.path, SourceFile(name=copy.path.name, sha256=copy.sha256, size_bytes=copy.size)),)
    return tuple((plan / name, _described(plan / name)) for name in _OF_A_PLAN)


def _described(path: Path) -> SourceFile:
    with path.open("rb") as raw:
        digest = hashlib.file_digest(raw, "sha256").hexdigest()
    return SourceFile(name=path.name, sha256=digest, size_bytes=path.stat().st_size)


def incoming_of(of: Campaign, folder: Folder, into: Path) -> Incoming:
    """What a run of it takes; its files are copied into a folder on this machine, unless they are there.

    Raises:
        UsageError: one is not as it was put there.
        OSError: one cannot be read, or not be copied.
    """
    into.mkdir(mode=0o700, exist_ok=True)
    for one in of.files:
        file = into / one.name
        if _is(file, one):
            continue
        if not folder.download(campaign.source(one.name), file) or not _is(file, one):
            raise UsageError(f"{campaign.source(one.name)}: not as it was put there; start another campaign")
    if of.plan_sha256 is None:
        return _Named(into / of.files[0].name, of.manifest_name)
    planned = PlannedManifest(open_plan(str(into), of.plan_sha256))
    planned.manifest = of.manifest_name
    return planned


def _is(file: Path, known: SourceFile) -> bool:
    try:
        with file.open("rb") as raw:
            return hashlib.file_digest(raw, "sha256").hexdigest() == known.sha256
    except FileNotFoundError:
        return False
