"""The column `account`: whose a project is, and what keeps a row from having a login."""

import pytest

from jobs.manifest.scopes import ScopeTable
from jobs.spec import AccountsFile, JobSpec

P, Q = "1" * 32, "2" * 32
SPEC = JobSpec(region="cn-north-4", project_id=Q, accounts=AccountsFile(path="/accounts.toml", names=("prod", "dev")))


def test_a_project_has_the_account_that_its_rows_name() -> None:
    table = ScopeTable(SPEC)
    found = table.find(P, None, "prod")
    assert found is not None
    assert (found.account, found.project_id) == ("prod", P)
    assert table.find(P, "cn-north-4", "prod") == found
    own = table.find(None, None, None)
    assert own is not None
    assert (own.account, own.project_id) == (None, Q)


@pytest.mark.parametrize(("first", "second"), [("prod", "dev"), ("prod", None), (None, "dev"), ("prod", "")])
def test_a_project_in_two_accounts_is_refused(first: str | None, second: str | None) -> None:
    table = ScopeTable(SPEC)
    assert table.find(P, None, first) is not None
    assert table.find(P, None, second) is None
    (fault,) = table.faults(P, None, second)
    named = "no account" if first is None else f"'{first}'"
    assert fault == ("account", f"another row of project '{P}' names {named}; a project is in one account")


def test_a_row_that_names_an_account_never_takes_the_jobs_own_project() -> None:
    table = ScopeTable(SPEC)
    assert table.find(None, None, "prod") is None
    assert [fault.column for fault in table.faults(None, None, "prod")] == ["project_id"]
