"""How a run gets in: the network it goes over and the login it uses, made from options and environment."""

import os
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from batch.csms.auth import CredentialError, Login, find_login
from batch.csms.network import Network, open_network
from batch.log import silence_log
from batch.loop import ask_loop
from batch.options import AuthOptions
from batch.redaction import PROCESS
from jobs.spec import Auth, JobSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Both together; nothing has been sent yet."""

    network: Network
    login: Login

    def __post_init__(self) -> None:
        """Has the redactor know all that is secret of both."""
        PROCESS.watch(self.login.secrets)
        PROCESS.watch(self.network.secrets)


async def own_project(spec: JobSpec, access: Access) -> str | None:
    """The project of a job that names one, the login's own, or the one that IAM knows by name; None where that is not
    asked. With an endpoint of its own a job is not in its region's hands, and IAM there learns of no rehearsal: then it
    is asked only where it was named too.

    Raises:
        LoginRefusedError: the login was refused.
        CredentialError: IAM does not know one, or cannot be asked.
    """
    shown = access.login.describe()
    if spec.project_id is not None or shown.project_id is not None:
        return spec.project_id or shown.project_id
    by_name = shown.project_name is not None or spec.region is not None
    if by_name and (spec.endpoint is None or shown.iam_named):
        return await access.login.project_id(spec.region or "")
    return None


def with_project(spec: JobSpec, access: Access, say: Callable[[str], None]) -> JobSpec:
    """The job with its own project, as far as one is to be had; without one the manifest may have a column for it."""
    if spec.project_id is not None:
        return spec
    try:
        found = ask_loop(lambda: own_project(spec, access))
    except CredentialError as error:
        say(str(error))
        return spec
    return spec if found is None else msgspec.structs.replace(spec, project_id=found)


def open_access(options: AuthOptions, *, stored: Auth = Auth.AUTO) -> Access:
    """Builds the TLS context once and finds the login, of the kind the options name or else of the `stored` one.

    Raises:
        SpecError: an option cannot be used.
        CredentialError: no login is given, or the one that is cannot be used.
    """
    # Until a run has its log, what renewal has to say would stand between a command's own lines.
    silence_log()
    network = open_network(ca_file=options.ca_file, proxy=options.proxy, environment=os.environ)
    try:
        login = find_login(options.auth or stored, options.token_file, connect=network.login_wire)
    except CredentialError as error:
        if options.auth is not None or stored is Auth.AUTO:
            raise
        raise CredentialError(f"{error}; the run logged in so, and --auth takes another kind") from error
    return Access(network=network, login=login)
