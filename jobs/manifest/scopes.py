"""Decides which endpoint and project a row goes to."""

from typing import NamedTuple

import msgspec

from jobs.model import Scope
from jobs.problem import Problem, foreign_character, quoted
from jobs.regions import endpoint_for
from jobs.rules import project_check
from jobs.spec import JobSpec

_NO_PROJECT = "is missing; fill the column or say --project-id"
NOT_LOOKED_UP = "(not looked up: no login)"
"""Stands for the project of a job that is only looked at; no request can be made of it."""
NO_ROW_NAMES_A_PROJECT = "no row names a project; add the column or say --project-id"


class CellFault(NamedTuple):
    """A column and what is wrong with its cell."""

    column: str
    reason: str


def lacks_project(problem: Problem) -> bool:
    """Whether what is wrong is that a project is not named at all, and so would not be wrong if the job had one."""
    return problem.reason in {_NO_PROJECT, NO_ROW_NAMES_A_PROJECT}


def with_unknown_project(spec: JobSpec) -> JobSpec:
    """The job as if its project were known, for a look at all the rest."""
    looked_at = msgspec.structs.replace(spec)
    # Past its own check: that is for projects.
    msgspec.structs.force_setattr(looked_at, "project_id", NOT_LOOKED_UP)
    return looked_at


class ScopeTable:
    """Gives the same `Scope` object for the same place. Hosts come from the job or the region table, never a cell."""

    def __init__(self, spec: JobSpec) -> None:
        self._spec = spec
        self._check_project = project_check(spec.project_pattern)
        self._known: dict[tuple[str | None, str | None, str | None], Scope] = {}
        self._spelt: dict[str, str] = {}
        self._whose: dict[str, str | None] = {}

    def find(self, project_cell: str | None, region_cell: str | None, account: str | None = None) -> Scope | None:
        """The scope of a row, or None where `faults` has something to say."""
        if account and not project_cell:
            return None
        place = (project_cell or self._spec.project_id, region_cell or self._spec.region, account or None)
        return self._known.get(place) or self._add(*place)

    def faults(self, project_cell: str | None, region_cell: str | None, account: str | None = None) -> list[CellFault]:
        """Everything that keeps a row from having a scope."""
        found = []
        if reason := self._project_fault(project_cell or self._spec.project_id):
            found.append(CellFault("project_id", reason))
        if reason := self._region_fault(region_cell or self._spec.region):
            found.append(CellFault("region", reason))
        if account and not project_cell:
            found.append(CellFault("project_id", "is missing; a row that names an account names a project of it too"))
        if reason := self._account_fault(project_cell or self._spec.project_id, account or None):
            found.append(CellFault("account", reason))
        return found

    def _add(self, project_id: str | None, region: str | None, account: str | None) -> Scope | None:
        if project_id is None or self._project_fault(project_id) or self._region_fault(region):
            return None
        if self._account_fault(project_id, account):
            return None
        endpoint = self._spec.endpoint or endpoint_for(region or "")
        scope = Scope(endpoint=endpoint, project_id=project_id, region=region, account=account)
        self._known[project_id, region, account] = scope
        self._whose[project_id] = account
        self._spelt[project_id.lower()] = project_id
        return scope

    def _project_fault(self, project_id: str | None) -> str | None:
        if project_id is None:
            return _NO_PROJECT
        # The job has checked its own.
        checked = None if project_id == self._spec.project_id else self._check_project(project_id)
        return checked or self._otherwise_spelt(project_id)

    def _otherwise_spelt(self, project_id: str) -> str | None:
        """One project as two scopes would get twice its rate, and a pattern may admit both cases of a letter."""
        first = self._spelt.get(project_id.lower(), project_id)
        if first == project_id:
            return None
        return f"{quoted(project_id)} differs only in case from {quoted(first)}; write a project in one way"

    def _account_fault(self, project_id: str | None, account: str | None) -> str | None:
        """A project is in one account: asked with two logins, it would get twice its rate."""
        whose = self._whose.get(project_id or "", account)
        if whose == account:
            return None
        named = "no account" if whose is None else quoted(whose)
        return f"another row of project {quoted(project_id or '')} names {named}; a project is in one account"

    def _region_fault(self, region: str | None) -> str | None:
        if self._spec.endpoint is not None:
            return self._elsewhere(region)
        if region is None:
            return "is missing; fill the column or say --region"
        try:
            endpoint_for(region)
        except ValueError as error:
            return f"{error}{foreign_character(region)}"
        return None

    def _elsewhere(self, region: str | None) -> str | None:
        """An endpoint serves one region: a row of another one would hit a secret of the same name there."""
        served = self._spec.region
        if region == served:
            return None
        if served is None:
            return f"{quoted(region or '')}, and --endpoint serves one region: say with --region which"
        shown = f"{quoted(region or '')}{foreign_character(region or '')}"
        return f"{shown}, but --endpoint serves {served}; make one run for each region"
