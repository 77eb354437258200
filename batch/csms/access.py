"""How a run gets in: the network it goes over and the login it uses."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from batch.csms.auth import CredentialError, Login
from batch.csms.auth.accounts import AccountsLogin
from jobs.model import Scope
from jobs.rules import project_fault
from jobs.spec import JobSpec

if TYPE_CHECKING:
    from batch.csms.network import Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Both together; nothing has been sent yet."""

    network: "Network"
    login: Login

    def login_of(self, place: Scope) -> Login:
        """The login that a project is asked with: that of its account where there are several.

        Raises:
            CredentialError: it is not known whose the project is.
        """
        if isinstance(self.login, AccountsLogin):
            return self.login.login_of(place.endpoint, place.project_id)
        return self.login


async def own_project(spec: JobSpec, access: Access) -> str | None:
    """The project of a job that names one, the login's own, or the one that IAM knows by name; None where that is not
    asked. A job with its own endpoint does not use its region's hosts, so IAM there learns of no rehearsal: then it
    is asked only where it was named too.

    Raises:
        LoginRefusedError: the login was refused.
        CredentialError: IAM does not know one, or cannot be asked.
    """
    shown = access.login.describe()
    if spec.project_id is not None:
        return spec.project_id
    if shown.project_id is not None:
        return _usable(shown.project_id, spec)
    by_name = shown.project_name is not None or spec.region is not None
    if by_name and (spec.endpoint is None or shown.iam_named):
        return _usable(await access.login.project_id(spec.region or ""), spec)
    return None


def _usable(project_id: str, spec: JobSpec) -> str:
    """A project that an environment, a file or IAM names, under the rules for those that a job names."""
    if reason := project_fault(spec.project_pattern, project_id):
        raise CredentialError(f"the project of the login: {reason}")
    return project_id
