"""The logins of several accounts as one: each project is asked with the login of the account that it is in."""

from collections.abc import Callable, Mapping

import msgspec

from batch.csms.auth.credential import Credential, CredentialError, Description, Login
from batch.redaction.masked import Masked
from jobs.spec import Auth

Place = tuple[str, str]
"""An endpoint and a project."""
_SHOWN = 3


class Nobody:
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
        """Nobody has a project.

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
    whose, which `assigned` says, it stands for none: a project is never asked with the login of another account.
    """

    def __init__(self, base: Login, find: Callable[[str, str | None], Login]) -> None:
        self._base = base
        self._find = find
        self._of_account: dict[str, Login] = {}
        self._of_place: dict[Place, Login] | None = None

    def assigned(self, accounts: Mapping[Place, str | None], regions: Mapping[str, str | None]) -> None:
        """Gives every project its login, all of them before anything is sent; one account, one login, and one of its
        `regions`, where IAM is asked for it.

        Raises:
            CredentialError: an account has none, or there is none for projects without an account.
        """
        for name in dict.fromkeys(accounts.values()):
            if name is not None and name not in self._of_account:
                self._of_account[name] = self._find(name, regions.get(name))
        self._of_place = {place: self._of_account.get(name or "", self._base) for place, name in accounts.items()}
        for (endpoint, project_id), login in self._of_place.items():
            login.for_scope(endpoint, project_id)

    def login_of(self, endpoint: str, project_id: str) -> Login:
        """The login of a project.

        Raises:
            CredentialError: it is not known whose it is.
        """
        login = None if self._of_place is None else self._of_place.get((endpoint, project_id))
        if login is None:
            raise CredentialError(f"--accounts: whose project {project_id} is, only a manifest says; it is not asked")
        return login

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
