"""`auth`: which login a run would use, for which project and until when, and one harmless read with it."""

import time

import msgspec

from batch.cli.login import open_access
from batch.cli.options import AUTH, LIMITS, PLACE, AuthOptions, JobFile, PlaceOptions, spec_of
from batch.cli.screen import tell
from batch.csms.access import Access, own_project
from batch.csms.auth import CredentialError, LoginRefusedError
from batch.csms.client import CsmsClient, SecretPage
from batch.csms.faults import Fault, FaultKind
from batch.process.loop import ask_loop
from batch.process.version import version
from jobs.regions import endpoint_for
from jobs.spec import JobSpec, UsageError
from reports import Exit

_TIMEOUT_S = 30.0


class _Read(msgspec.Struct, frozen=True):
    endpoint: str
    project_id: str
    answer: SecretPage | Fault


def auth(*, source: PlaceOptions = PLACE, auth: AuthOptions = AUTH, _job: JobFile = None) -> int:
    """Tells it line by line; no credential is ever shown.

    Returns 0 if the read was answered, 3 if the credential was refused, 1 if the read failed for another reason.

    Raises:
        UsageError: nothing says which endpoint to read from.
        CredentialError: the project is not known and cannot be looked up.
    """
    spec = spec_of(source, LIMITS, auth)
    access = open_access(auth, spec)
    shown = access.login.describe()
    tell(f"login     {shown.provider}")
    tell(f"source    {shown.source}")
    try:
        read = ask_loop(lambda: _read(access, spec))
    except LoginRefusedError as error:
        tell(f"refused   {error}")
        return Exit.STOPPED_EARLY
    tell(f"project   {read.project_id}")
    tell(f"valid     {_validity(access)}")
    tell(f"endpoint  {read.endpoint}")
    if not isinstance(read.answer, Fault):
        tell("read      answered: the login works, and may list secrets")
        return Exit.DONE
    tell(f"read      {read.answer.code}: {read.answer.message}")
    match read.answer.kind:
        case FaultKind.FORBIDDEN:
            tell("          the login works, but may not list secrets; a run needs csms:secret:update and :get")
            return Exit.DONE
        case FaultKind.CREDENTIAL | FaultKind.SIGNATURE:
            return Exit.STOPPED_EARLY
        case _:
            return Exit.NOT_ALL_DONE


async def _read(access: Access, spec: JobSpec) -> _Read:
    try:
        endpoint = spec.endpoint or endpoint_for(spec.region or "")
    except ValueError as error:
        raise UsageError(str(error) if spec.region else "where to? give --region or --endpoint") from error
    project_id = await own_project(spec, access)
    if project_id is None:
        raise CredentialError("which project? give --project-id, or --region without --endpoint to have it looked up")
    async with access.network.wire(endpoint, timeout_s=_TIMEOUT_S) as wire:
        credential = access.login.for_scope(endpoint, project_id)
        client = CsmsClient(wire, credential, project_id, user_agent=f"csms-rekey/{version()}")
        return _Read(endpoint, project_id, await client.list_secrets(limit=1))


def _validity(access: Access) -> str:
    shown = access.login.describe()
    if shown.expires_s is None and shown.fetched:
        return "nothing is held: none was obtained"
    if shown.expires_s is None and shown.ends:
        return "not known here: it ends by itself, a token after 24 hours at most"
    if shown.expires_s is None:
        return "until they are revoked"
    until = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(shown.expires_s))
    return f"until {until}" + (", renewed before that" if shown.renewable else "")
