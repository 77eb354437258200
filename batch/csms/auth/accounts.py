"""The logins of several accounts as one: each project is asked with the login of the account that it is in."""

from collections.abc import Callable, Collection

import msgspec

from batch.csms.auth.credential import Credential, CredentialError, Description, Login
from batch.redaction.masked import Masked
from jobs.model import Scope
from jobs.spec import Auth

Place = tuple[str, str]
"""An endpoint and a project."""
_SHOWN = 3


class NoLogin:
    """Stands where there is no login but those of accounts; `why` is said to everything that needs one."""

    def __init__(self, why: CredentialError) -> None:
        self._why = why

    def for_scope(self, endpoint: str, project_id: str) -> Credential:  # noqa: ARG002 - as `Login`
        """Nothing can be asked.

        Raises:
            CredentialError: always.
        """
        raise self._why

    async def project_id(self, region: str) -> str:  # noqa: ARG002 - as `Login`
        """There is no project.

        Raises:
            CredentialError: always.
        """
        raise self._why

    async def for_iam(self, region: str) -> tuple[str, Credential]:  # noqa: ARG002 - as `Login`
        """IAM is not asked.

        Raises:
            CredentialError: always.
        """
        raise self._why

    def secrets(self) -> tuple[Masked, ...]:
        """None."""
        return ()

    def describe(self) -> Description:
        """That there is none."""
        return Description(kind=Auth.AUTO, provider="no login", source="accounts alone")


class AccountsLogin:
    """`find` makes the login of an account; `base` is that of projects without one. Until it is known which project is
    whose, which `assign` sets, it stands for none: a project is never asked with the login of another account.
    """

    def __init__(self, base: Login, find: Callable[[str, str | None], Login]) -> None:
        self._base = base
        self._find = find
        self._of_account: dict[str, Login] = {}
        self._of_place: dict[Place, str | None] = {}

    def assign(self, projects: Collection[Scope]) -> None:
        """Gives every project the login of its account, all of them before anything is sent; one account, one login,
        for which IAM is asked in one of its regions.

        Raises:
            CredentialError: an account has none, or there is none for projects without an account.
        """
        for one in projects:
            if one.account is not None and one.account not in self._of_account:
                self._of_account[one.account] = self._find(one.account, one.region)
        self._of_place = {(one.endpoint, one.project_id): one.account for one in projects}
        for one in projects:
            self.for_scope(one.endpoint, one.project_id)

    def account_of(self, endpoint: str, project_id: str) -> str | None:
        """The account that a project is in; None where it is asked with the base login.

        Raises:
            CredentialError: it is not known whose it is.
        """
        if (endpoint, project_id) not in self._of_place:
            raise CredentialError(f"--accounts: whose project {project_id} is, only a manifest says; it is not asked")
        return self._of_place[endpoint, project_id]

    def login_of(self, endpoint: str, project_id: str) -> Login:
        """The login of a project.

        Raises:
            CredentialError: it is not known whose it is.
        """
        name = self.account_of(endpoint, project_id)
        return self._base if name is None else self._of_account[name]

    def for_scope(self, endpoint: str, project_id: str) -> Credential:
        """The credential of the account that the project is in.

        Raises:
            CredentialError: it is not known whose it is.
        """
        return self.login_of(endpoint, project_id).for_scope(endpoint, project_id)

    async def project_id(self, region: str) -> str:
        """The project of rows that name none, and no account either.

        Raises:
            CredentialError: IAM does not know one, or cannot be asked.
        """
        return await self._base.project_id(region)

    async def for_iam(self, region: str) -> tuple[str, Credential]:
        """As the base login asks it.

        Raises:
            CredentialError: there is nothing to ask it with.
        """
        return await self._base.for_iam(region)

    def secrets(self) -> tuple[Masked, ...]:
        """Those of every login."""
        return tuple(secret for one in (self._base, *self._of_account.values()) for secret in one.secrets())

    def describe(self) -> Description:
        """The base login, and those of the first accounts."""
        base = self._base.describe()
        shown = [f"{name}: {one.describe().line}" for name, one in list(self._of_account.items())[:_SHOWN]]
        if (more := len(self._of_account) - len(shown)) > 0:
            shown.append(f"and {more} more")
        names = [*((base.name,) if base.name else ()), *shown]
        return msgspec.structs.replace(base, name="; ".join(names) or None)
