"""How a command logs in: the network and the login that options and environment ask for, kept out of all output."""

import os
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from batch.cli.accounts import with_accounts
from batch.cli.asked import asked
from batch.cli.options import AuthOptions
from batch.csms.access import Access, own_project
from batch.csms.auth import CredentialError, Login, find_login
from batch.csms.auth.agency import agency_named
from batch.csms.auth.clouds import require_one_cloud
from batch.csms.auth.credential import Connect
from batch.csms.auth.variables import Variables
from batch.redaction.redactor import PROCESS_REDACTOR
from batch.telemetry.log import silence_log
from jobs.accounts import accounts_file
from jobs.spec import Agency, Auth, JobSpec

if TYPE_CHECKING:
    from batch.csms.network import Network


def open_access(options: AuthOptions, spec: JobSpec) -> Access:
    """Builds the TLS context once and finds the login, of the kind and for the agency the options name, or else the
    job: one that ran before keeps to its own.

    Raises:
        SpecError: an option cannot be used.
        CredentialError: no login is given, or the one that is cannot be used.
    """
    from batch.csms.network import open_network  # noqa: PLC0415 - --help does without aiohttp

    # Until a run has its log, what renewal has to say would stand between a command's own lines.
    silence_log()
    # Also those that this login does not use: an error may show the whole environment.
    # It is looked at once: the sources are asked for every text that is kept.
    in_environment = Variables(os.environ).secrets()
    PROCESS_REDACTOR.watch(lambda: in_environment)
    require_one_cloud(spec, os.environ)
    network = open_network(ca_file=options.ca_file, proxy=options.proxy, environment=os.environ)
    return redacted_access(network, _asked_for(options, spec, network.login_wire))


def _asked_for(options: AuthOptions, spec: JobSpec, connect: Connect) -> Login:
    agency = agency_of(options.agency, options.agency_domain) or spec.agency
    find_base = partial(
        find_login,
        options.auth or spec.auth,
        options.token_file,
        connect=connect,
        region=spec.region,
        profile=options.profile or spec.profile,
        agency=agency,
    )
    if options.accounts is not None:
        spec = msgspec.structs.replace(spec, accounts=accounts_file(options.accounts))
    try:
        login = with_accounts(find_base, spec, connect)
    except CredentialError as error:
        if options.auth is not None or spec.auth is Auth.AUTO:
            raise
        raise CredentialError(f"{error}; the run used this kind of login, and --auth chooses another") from error
    if spec.auth is not Auth.AUTO and agency is None and (found := login.describe().agency) is not None:
        # It is in the environment or a file by now.
        raise CredentialError(
            f"the run took on no agency, and the agency {found.name} of {found.domain} is named now: unset it, or take"
            " it on with --agency and --agency-domain"
        )
    return login


def agency_of(agency: str | None, domain: str | None) -> Agency | None:
    """The agency that two options name.

    Raises:
        CredentialError: only one of them is given.
    """
    asked = {"--agency": agency or "", "--agency-domain": domain or ""}
    return agency_named(asked, ("--agency", "--agency-domain"), "the options")


def redacted_access(network: "Network", login: Login) -> Access:
    """The only place that makes an `Access`: nothing this process shows from now on holds a secret of either."""
    PROCESS_REDACTOR.watch(login.secrets)
    PROCESS_REDACTOR.watch(network.secrets)
    return Access(network=network, login=login)


def with_login(spec: JobSpec, access: Access) -> JobSpec:
    """The job with the kind of login that was found: a later session must not take another one that happens to be
    found.
    """
    shown = access.login.describe()
    return msgspec.structs.replace(spec, auth=shown.kind, agency=shown.agency)


def with_project(spec: JobSpec, access: Access) -> tuple[JobSpec, CredentialError | None]:
    """The job with its own project as far as one can be found, and why not: the manifest may have a column for it."""
    if spec.project_id is not None:
        return spec, None
    try:
        found = asked(lambda: own_project(spec, access), access)
    except CredentialError as error:
        return spec, error
    if found is None:
        return spec, None
    return msgspec.structs.replace(spec, project_id=found, project_found=True), None
