"""How a run gets in: the network it goes over and the login it uses, made from options and environment."""

import os
from dataclasses import dataclass

import msgspec

from batch.cli.options import AuthOptions
from batch.csms.auth import CredentialError, Login, find_login
from batch.csms.network import Network, open_network
from batch.process.loop import ask_loop
from batch.redaction.redactor import PROCESS_REDACTOR
from batch.telemetry.log import silence_log
from jobs.rules import project_fault
from jobs.spec import Auth, JobSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Both together; nothing has been sent yet."""

    network: Network
    login: Login

    def __post_init__(self) -> None:
        """Has the redactor know all that is secret of both."""
        PROCESS_REDACTOR.watch(self.login.secrets)
        PROCESS_REDACTOR.watch(self.network.secrets)


async def own_project(spec: JobSpec, access: Access) -> str | None:
    """The project of a job that names one, the login's own, or the one that IAM knows by name; None where that is not
    asked. With an endpoint of its own a job is not in its region's hands, and IAM there learns of no rehearsal: then it
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


def with_project(spec: JobSpec, access: Access) -> tuple[JobSpec, CredentialError | None]:
    """The job with its own project, as far as one is to be had, and why it is not: the manifest may have a column."""
    if spec.project_id is not None:
        return spec, None
    try:
        found = ask_loop(lambda: own_project(spec, access))
    except CredentialError as error:
        return spec, error
    return (spec if found is None else msgspec.structs.replace(spec, project_id=found)), None


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
