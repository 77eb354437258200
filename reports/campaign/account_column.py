"""The column `account` of a file that lists secrets: last, and only where some project is in an account."""

from collections.abc import Iterable

from jobs.sightings import SeenProject
from reports.outcomes import ACCOUNT


class AccountColumn:
    """Adds the account of its project to each line; a project is in one account."""

    def __init__(self, projects: Iterable[SeenProject]) -> None:
        self._accounts = {one.project_id: one.account for one in projects if one.account is not None}

    def header(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """The names of all columns."""
        return (*names, ACCOUNT) if self._accounts else names

    def line(self, cells: tuple[object, ...], project_id: str) -> tuple[object, ...]:
        """The cells of a line about a secret of this project."""
        return (*cells, self._accounts.get(project_id, "")) if self._accounts else cells
