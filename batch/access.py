"""How a run gets in: the network it goes over and the login it uses, made from options and environment."""

import os
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from batch.csms.auth import CredentialError, Login, find_login
from batch.csms.network import Network, open_network
from batch.log import silence_log
from batch.loop import run_loop
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


def with_project(spec: JobSpec, access: Access, say: Callable[[str], None]) -> JobSpec:
    """The job with the login's own project, or the one that IAM knows by the region's name, where none was given.

    That nobody knows one is only told: the manifest may have a column for it. With an endpoint of its own a job is not
    in the region's hands, and IAM there is not asked: a rehearsal shows its credentials to nobody.
    """
    if spec.project_id is not None:
        return spec
    own = access.login.describe().project_id
    region = spec.region
    if own is None and region is not None and spec.endpoint is None:
        try:
            own = run_loop(lambda: access.login.project_id(region))
        except CredentialError as error:
            say(str(error))
    return spec if own is None else msgspec.structs.replace(spec, project_id=own)


def open_access(options: AuthOptions, *, stored: Auth = Auth.AUTO) -> Access:
    """Builds the TLS context once and finds the login, of the kind the options name or else of the `stored` one.

    Raises:
        SpecError: an option cannot be used.
        CredentialError: no login is given, or the one that is cannot be used.
    """
    # Until a run has its log, what renewal has to say would stand between a command's own lines.
    silence_log()
    network = open_network(ca_file=options.ca_file, proxy=options.proxy, environment=os.environ)
    return Access(
        network=network, login=find_login(options.auth or stored, options.token_file, connect=network.login_wire)
    )
