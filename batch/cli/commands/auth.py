"""`auth`: which login a run would use, for which projects and until when, and a test of each by one read-only call."""

import time
from typing import Annotated

import msgspec
from cyclopts import Parameter

from batch.cli.asked import asked
from batch.cli.confirm import login_words
from batch.cli.job_asked_for import spec_of
from batch.cli.login import open_access
from batch.cli.options import AUTH, PACE, PLACE, AuthOptions, JobFile, ManifestPath, PlaceOptions
from batch.cli.screen import tell, tell_json
from batch.cli.trying import Tried, Verdict, exit_code_of, tried
from batch.cli.verifying import loaded_rows
from batch.csms.access import Access, own_project
from batch.csms.auth import CredentialError, Description, LoginRefusedError
from jobs.model import Scope
from jobs.regions import endpoint_for
from jobs.spec import JobSpec, UsageError
from reports import Exit

_HINTS = {
    Verdict.WORKS: "the login works, and may list secrets",
    Verdict.MAY_NOT_LIST: "the login works, but may not list secrets; a run needs csms:secret:update and :get",
    Verdict.NOT_YOURS: "this is not a project of the login: check the project id, and which account it is in",
    Verdict.REFUSED: "the login was refused",
    Verdict.FAILED: "the read failed, and says nothing of the login",
}


class _Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What `--json` prints."""

    kind: str
    login: str
    name: str | None
    source: str
    valid: str
    projects: list[Tried]
    exit_code: int


def auth(
    manifest: ManifestPath | None = None,
    /,
    *,
    source: PlaceOptions = PLACE,
    auth: AuthOptions = AUTH,
    json: Annotated[bool, Parameter(negative="")] = False,
    _job: JobFile = None,
) -> int:
    """Shows the login, and tries it on the project of the options, or on every project with rows of a manifest.

    Returns 0 if every read was answered, 3 if the login was refused or a project does not belong to it, 1 if a read
    failed for another reason.

    Args:
        manifest: Manifest whose projects to test.
        json: Print only one JSON object with all that was found.

    Raises:
        UsageError: nothing says which endpoint to read from, or the manifest cannot be used.
        CredentialError: the project is not known and cannot be looked up.
    """
    spec = spec_of(source, PACE, auth)
    access = open_access(auth, spec)
    shown = access.login.describe()
    if not json:
        _tell_login(shown)
    try:
        places = [_own_place(spec, access)] if manifest is None else _places(manifest, spec, access)
    except LoginRefusedError as error:
        return _refused(access, error, json=json)
    found = asked(lambda: tried(places, spec, access), access)
    code = exit_code_of(found)
    if json:
        tell_json(_as_json(access, found, code))
    elif manifest is None:
        _tell_one(found[0], _validity(access))
    else:
        _tell_all(found, _validity(access))
    return code


def _refused(access: Access, error: LoginRefusedError, *, json: bool) -> Exit:
    if json:
        tell_json(msgspec.json.encode({"login": login_words(access), "refused": str(error)}).decode())
    else:
        tell(f"refused   {error}")
    return Exit.STOPPED_EARLY


def _own_place(spec: JobSpec, access: Access) -> Scope:
    try:
        endpoint = spec.endpoint or endpoint_for(spec.region or "")
    except ValueError as error:
        raise UsageError(str(error) if spec.region else "no endpoint: give --region or --endpoint") from error
    project_id = asked(lambda: own_project(spec, access), access)
    if project_id is None:
        raise CredentialError(
            "no project: give --project-id, or a manifest, whose projects are all tested (csms-rekey auth MANIFEST), or"
            " --region without --endpoint to have it looked up"
        )
    return Scope(endpoint=endpoint, project_id=project_id, region=spec.region)


def _places(manifest: str, spec: JobSpec, access: Access) -> list[Scope]:
    with loaded_rows(manifest, spec, access) as rows:
        opened = {one.id for one in rows.ledger.open_scopes()}
        return [one.scope for one in rows.ledger.told.accounts() if one.id in opened]


def _tell_login(shown: Description) -> None:
    tell(f"login     {shown.provider}")
    if shown.name is not None:
        tell(f"name      {shown.name}")
    tell(f"source    {shown.source}")


def _tell_one(one: Tried, valid: str) -> None:
    tell(f"project   {one.project_id}")
    tell(f"valid     {valid}")
    tell(f"endpoint  {one.endpoint}")
    if one.code is None:
        tell(f"read      answered: {_HINTS[one.verdict]}")
        return
    tell(f"read      {one.code}: {one.message}")
    tell(f"          {_HINTS[one.verdict]}")


def _tell_all(found: list[Tried], valid: str) -> None:
    tell(f"valid     {valid}")
    lines = [("project", "place", "account", "login", "read")]
    lines += [(one.project_id, one.region or one.endpoint, one.account or "-", one.login, _said(one)) for one in found]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        tell("  ".join(f"{text:<{width}}" for text, width in zip(line, widths, strict=True)).rstrip())
    for verdict in Verdict:
        if (count := sum(one.verdict is verdict for one in found)) and verdict is not Verdict.WORKS:
            tell(f"{count} {verdict}: {_HINTS[verdict]}")


def _said(one: Tried) -> str:
    return str(one.verdict) if one.code is None else f"{one.verdict}: {one.code}: {one.message}"


def _as_json(access: Access, found: list[Tried], code: Exit) -> str:
    shown = access.login.describe()
    return msgspec.json.encode(
        _Shown(
            kind=shown.kind,
            login=shown.line,
            name=shown.name,
            source=shown.source,
            valid=_validity(access),
            projects=found,
            exit_code=code,
        )
    ).decode()


def _validity(access: Access) -> str:
    shown = access.login.describe()
    if shown.expires_s is None and shown.fetched:
        return "none: no token was obtained"
    if shown.expires_s is None and shown.ends:
        return "expiry unknown; tokens last at most 24 hours"
    if shown.expires_s is None:
        return "until they are revoked"
    until = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(shown.expires_s))
    return f"until {until}" + (", renewed before that" if shown.renewable else "")
