"""The rows of a campaign: a manifest, or what a run reads of a plan, put into the shared folder and taken from it."""

import dataclasses
import hashlib
import io
from pathlib import Path

from batch.fleet import campaign
from batch.fleet.campaign import Campaign, SourceFile
from batch.fleet.storage import Storage
from jobs.manifest.incoming import Incoming
from jobs.manifest.source import ManifestCopy
from jobs.plan.document import PLAN, PREVIEW, ROWS
from jobs.plan.opened import PlannedManifest, open_plan
from jobs.problem import plain
from jobs.spec import UsageError

_OF_A_PLAN = (PLAN, ROWS, PREVIEW)


def source_files(copy: ManifestCopy, plan: Path | None) -> tuple[tuple[Path, SourceFile], ...]:
    """What has to be there for every machine, with where it is now: of a manifest its copy, of a plan its own files.

    Raises:
        OSError: a file cannot be read.
    """
    if plan is None:
        return ((copy.path, SourceFile(name=copy.path.name, sha256=copy.sha256, size_bytes=copy.size)),)
    return tuple((plan / name, _described(plan / name)) for name in _OF_A_PLAN)


def fetch_source(storage: Storage, job: Campaign, folder: Path) -> Incoming:
    """Copies it into a folder, and gives it as a manifest that a command was given.

    Raises:
        UsageError: it is not there, or not as it was put there.
        StorageError: it cannot be read.
    """
    for one in job.files:
        path = folder / one.name
        if not storage.download(campaign.source(one.name), path) or _described(path) != one:
            raise UsageError(
                f"{plain(storage.uri)}/{campaign.source(one.name)}: not the file that this campaign was begun with"
            )
    if job.plan_sha256 is not None:
        return _Planned(job, folder)
    return _Rows(job, folder / job.files[0].name)


class _Rows(Incoming):
    """Copies are called what the user called the manifest."""

    def __init__(self, job: Campaign, path: Path) -> None:
        super().__init__(str(path), io.BytesIO())
        self._name = job.manifest_name

    def _copy(self, folder: Path) -> ManifestCopy:
        return dataclasses.replace(super()._copy(folder), name=self._name)


class _Planned(PlannedManifest):
    """The same for a plan."""

    def __init__(self, job: Campaign, folder: Path) -> None:
        super().__init__(open_plan(str(folder), job.plan_sha256))
        self._name = job.manifest_name

    def _copy(self, folder: Path) -> ManifestCopy:
        return dataclasses.replace(super()._copy(folder), name=self._name)


def _described(path: Path) -> SourceFile:
    with path.open("rb") as raw:
        digest = hashlib.file_digest(raw, "sha256").hexdigest()
    return SourceFile(name=path.name, sha256=digest, size_bytes=path.stat().st_size)
