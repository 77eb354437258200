"""Opens a plan directory to run it: nothing of it is taken unless its sums are those that `plan.json` holds."""

import contextlib
import csv
import hashlib
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from jobs.ledger import Carried
from jobs.ledger.record import PlanFacts
from jobs.manifest.incoming import Incoming
from jobs.manifest.source import ManifestCopy
from jobs.plan.action import Action
from jobs.plan.document import PLAN, PREVIEW, ROWS, UNCOVERED, Plan, plan_of
from jobs.printable import storable
from jobs.problem import one_line, plain
from jobs.run_dir import names
from jobs.run_dir.durable import whole_file
from jobs.spec import UsageError

# The columns of `preview.csv` that a run needs, by their places.
_ROW, _NAME, _PROJECT, _REGION, _TARGET, _ACTION = 0, 1, 2, 3, 5, 6


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedPlan:
    """A plan whose files are as they were written."""

    folder: Path
    plan: Plan
    sha256: str

    @property
    def facts(self) -> PlanFacts:
        """Which plan it is."""
        folder = storable(str(self.folder.absolute()))
        return PlanFacts(sha256=self.sha256, made_at=self.plan.made_at, made_by=self.plan.made_by, folder=folder)

    def pages(self) -> dict[tuple[str, str], int]:
        """How many pages the secrets of each of its projects filled."""
        return {(one.endpoint, one.project_id): one.pages for one in self.plan.projects}

    def carried(self) -> Iterator[Carried]:
        """The rows of the source that a run takes along and never sends, in its order."""
        for line in self._preview():
            action = line[_ACTION]
            if not _runs(action):
                yield Carried(row=int(line[_ROW]), why=f"planned: {action}" if action else None)

    def rows(self) -> Iterator[str]:
        """The lines of a manifest with every row of the source, in its order: those to run as `manifest.csv` has them.

        Raises:
            UsageError: the two files do not belong together.
        """
        with (self.folder / ROWS).open(encoding="utf-8", newline="") as file:
            header = file.readline()
            yield header
            [columns] = csv.reader([header])
            for number, line in enumerate(self._preview(), 1):
                text = file.readline() if _runs(line[_ACTION]) else _carried_line(columns, line)
                if line[_ROW] != str(number) or not text:
                    raise self._torn()
                yield text
            if file.readline():
                raise self._torn()

    def seen_besides(self) -> Iterator[tuple[str, str]]:
        """The secrets that it saw and that are in no row, those on an old key or in no state to be changed: project and
        name.

        Raises:
            UsageError: its files are not as they were written.
        """
        _require_as_written(self.folder, self.plan, UNCOVERED)
        yield from ((line[_PROJECT], line[_NAME]) for line in self._lines(PREVIEW) if not line[_ROW])
        yield from ((project, name) for project, name, *_ in self._lines(UNCOVERED))

    def _preview(self) -> Iterator[list[str]]:
        """Its lines that are rows of the source."""
        return (line for line in self._lines(PREVIEW) if line[_ROW])

    def _lines(self, name: str) -> Iterator[list[str]]:
        with (self.folder / name).open(encoding="utf-8", newline="") as file:
            lines = csv.reader(file)
            next(lines)
            yield from lines

    def _torn(self) -> UsageError:
        return UsageError(f"{self.folder}: {ROWS} and {PREVIEW} do not belong together; make the plan again")


class PlannedManifest(Incoming):
    """The rows of a plan as a manifest that a command was given."""

    def __init__(self, opened: OpenedPlan) -> None:
        super().__init__(str(opened.folder), io.BytesIO())
        self._opened = opened

    @property
    def planned(self) -> OpenedPlan:
        """What the plan says of its rows."""
        return self._opened

    @property
    def read_once(self) -> bool:
        """It can be read as often as it takes."""
        return False

    def sha256(self, spool: Path) -> str:  # noqa: ARG002 - a plan needs no room
        """The SHA-256 of the manifest that a run of it has."""
        digest = hashlib.sha256()
        for line in self._opened.rows():
            digest.update(line.encode())
        return digest.hexdigest()

    def _copy(self, folder: Path) -> ManifestCopy:
        path = folder / f"{names.MANIFEST}.csv"
        with whole_file(path) as out:
            for line in self._opened.rows():
                out.write(line.encode())
        return ManifestCopy(path=path, sha256=out.sha256, size=out.size, name=storable(self.manifest))


def is_plan(folder: str) -> bool:
    """Whether a plan, also one that is not finished, is what a command was given in place of a manifest."""
    # Unlike the method of a path, this knows no errors.
    return any(os.path.isfile(Path(folder) / name) for name in (PLAN, names.SIGHTINGS))  # noqa: PTH113 - see above


def open_plan(folder: str, approved: str | None) -> OpenedPlan:
    """Reads a plan; with `approved`, only the one whose `plan.json` has that SHA-256.

    Raises:
        UsageError: it is not there, cannot be read, or is not as it was written or approved.
    """
    path = Path(folder)
    if not (path / PLAN).is_file():
        begun = (path / names.SIGHTINGS).is_file()
        how = "if it is a plan that was stopped, `resume` finishes it" if begun else "see `plan`"
        raise UsageError(f"{plain(folder)}: holds no {PLAN}; {how}")
    with _reading(path / PLAN):
        data = (path / PLAN).read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    if approved is not None and approved.lower() != digest:
        raise UsageError(f"{plain(folder)}: {PLAN} has the SHA-256 {digest}, not the approved {plain(approved)}")
    try:
        plan = plan_of(data)
    except (msgspec.MsgspecError, ValueError, UnicodeDecodeError) as error:
        raise UsageError(f"{plain(folder)}: {PLAN} cannot be read: {one_line(error)}") from error
    if plan.shard is not None:
        raise UsageError(f"{plain(folder)}: is shard {plan.shard} of a plan; `merge` them all, and run the whole")
    for name in (ROWS, PREVIEW):
        _require_as_written(path, plan, name)
    for project in plan.not_whole:
        raise UsageError(
            f"{plain(folder)}: project {project.project_id} could not be read completely, so rows of it may be"
            " missing; make the plan again, with or without that project"
        )
    return OpenedPlan(folder=path, plan=plan, sha256=digest)


def _require_as_written(folder: Path, plan: Plan, name: str) -> None:
    written = plan.file(name)
    with _reading(folder / name), (folder / name).open("rb") as raw:
        found = hashlib.file_digest(raw, "sha256").hexdigest()
    if written is None or written.sha256 != found:
        raise UsageError(
            f"{plain(str(folder))}: {name} was changed since the plan was made; make the plan again, or run"
            f" {ROWS} as a separate manifest"
        )


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(f"{plain(str(path))}: cannot be read: {error.strerror}") from error


def _runs(action: str) -> bool:
    return action != "" and Action(action).runs


def _carried_line(columns: list[str], line: list[str]) -> str:
    """A row that is never sent, as far as the plan shows it."""
    shown = {"secret_name": _NAME, "project_id": _PROJECT, "region": _REGION, "kms_key_id": _TARGET}
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow([line[shown[one]] if one in shown else "" for one in columns])
    return text.getvalue()
