"""`--accounts`: the logins of accounts for a command, and which project is asked with which of them."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from batch.csms.access import Access
from batch.csms.auth import CredentialError, Login, find_login
from batch.csms.auth.accounts import AccountsLogin, NoLogin
from batch.csms.auth.agency import AgencyLogin, agency_in
from batch.csms.auth.credential import Connect
from batch.csms.auth.variables import Variables
from jobs.accounts import read_accounts
from jobs.ledger import Ledger
from jobs.sightings import Sightings
from jobs.spec import Auth, JobSpec


def with_accounts(find_base: Callable[[], Login], spec: JobSpec, connect: Connect) -> Login:
    """The base login, and with it those of the accounts that the job's file names, if it has one.

    Raises:
        SpecError: the file cannot be used.
        CredentialError: the base login cannot be used, and there are no accounts.
    """
    if spec.accounts is None:
        return find_base()
    path, environment = Path(spec.accounts.path), Variables(os.environ)
    entries = read_accounts(path)
    if agency_in(environment) is not None:
        name = environment.name_of("HW_ASSUME_ROLE_AGENCY_NAME")
        raise CredentialError(f"--accounts: {name} is set too; write the agency of each account into {path}")
    base: Login
    try:
        base = find_base()
    except CredentialError as error:
        # The job that needs it hears why there is none.
        base = NoLogin(error)

    def find(name: str, region: str | None) -> Login:
        entry = entries.get(name)
        if entry is None:
            raise CredentialError(f"{path}: has no account {name}")
        agency = entry.taken_on
        if entry.profile is None and agency is not None:
            return AgencyLogin(base, agency, region=region, connect=connect, environment=environment, utc=time.time)
        return find_login(Auth.AUTO, None, connect=connect, region=region, profile=entry.profile, agency=agency)

    return AccountsLogin(base, find)


def assign_accounts(access: Access, ledger: Ledger) -> None:
    """Gives every project of a loaded manifest the login of its account; nothing to do where the job has no accounts.

    Raises:
        CredentialError: an account, or a row without one, has no login that can be used.
    """
    if isinstance(access.login, AccountsLogin):
        access.login.assign([one.scope for one in ledger.told.accounts()])


def assign_accounts_in(access: Access, folder: Path) -> None:
    """The same for a ledger that has not been opened yet.

    Raises:
        CredentialError: an account, or a row without one, has no login that can be used.
    """
    if isinstance(access.login, AccountsLogin):
        with Ledger(folder) as ledger:
            assign_accounts(access, ledger)


def keep_accounts(access: Access, sightings: Sightings) -> None:
    """Notes whose the projects of a look are, so that it can be continued."""
    if isinstance(access.login, AccountsLogin):
        for one in sightings.projects():
            account = access.login.account_of(one.scope.endpoint, one.scope.project_id)
            sightings.add_project(one.scope, account)


def assign_kept_accounts(access: Access, sightings: Sightings) -> None:
    """The login of its account for every project of a look that is continued.

    Raises:
        CredentialError: an account, or a project without one, has no login that can be used.
    """
    if isinstance(access.login, AccountsLogin):
        access.login.assign([replace(one.scope, account=one.account) for one in sightings.projects()])
