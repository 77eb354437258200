"""Access keys from the credentials file of the vendor's SDK and command line."""

import configparser
from collections.abc import Callable, Mapping
from pathlib import Path

from batch.csms.auth.agency import agency_of
from batch.csms.auth.credential import Connect, CredentialError, Description
from batch.csms.auth.federated import Federation, federated_login
from batch.csms.auth.iam import IAM_ENDPOINT_VARIABLE
from batch.csms.auth.keys import AccessKeys, KeyLogin, access_keys
from batch.csms.auth.pasted import odd_file
from batch.csms.auth.private_file import read_private
from jobs.spec import Auth

FILE_VARIABLE = "HUAWEICLOUD_SDK_CREDENTIALS_FILE"
_SECTION = "basic"


def find_profile_keys(
    environment: Mapping[str, str], connect: Connect, utc: Callable[[], float], region: str | None
) -> KeyLogin | None:
    """The keys in section [basic] of the file, or those of the identity provider it names; None where there is no file,
    or no such section in the usual one.

    The file is read again when the keys are refused: somebody may have put new ones in.

    Raises:
        CredentialError: the file cannot be used.
    """
    named = environment.get(FILE_VARIABLE)
    path = Path(named) if named else _usual(environment)
    if path is None:
        return None
    profile = _section(path)
    if profile is None:
        if named:
            raise CredentialError(f"{path}: has no section [{_SECTION}]")
        return None
    endpoint = profile.get("iam_endpoint")
    known = {IAM_ENDPOINT_VARIABLE: endpoint, **environment} if endpoint else environment
    federation = Federation.from_profile(profile, f"{path} [{_SECTION}]")
    if federation is not None:
        return federated_login(federation, known, connect, utc, region)
    keys = _keys(profile, path)

    async def fetch() -> AccessKeys:
        return _keys(_section(path) or {}, path)

    description = Description(
        kind=Auth.AKSK,
        ends=keys.security_token is not None,
        provider="temporary access keys" if keys.security_token else "access keys",
        source=f"{path} [{_SECTION}]",
        project_id=profile.get("project_id") or None,
        renewable=True,
        agency=agency_of(profile, f"{path} [{_SECTION}]"),
    )
    return KeyLogin(fetch, description, connect=connect, environment=known, held=keys, utc=utc)


def _usual(environment: Mapping[str, str]) -> Path | None:
    """The usual file where there is one; a home that is not known, or not ours to look into, has none."""
    try:
        path = Path(environment.get("HOME") or "~").expanduser() / ".huaweicloud" / "credentials"
        return path if path.exists() else None
    except (OSError, RuntimeError):
        return None


def _section(path: Path) -> dict[str, str] | None:
    parser = configparser.ConfigParser(interpolation=None)
    text = read_private(path).text
    if (odd := odd_file(text)) is not None:
        raise CredentialError(f"{path}: {odd}")
    try:
        parser.read_string(text)
    except configparser.Error as error:
        # Its message would quote the line.
        raise CredentialError(f"{path}: not an INI file ({type(error).__name__})") from None
    return dict(parser.items(_SECTION)) if parser.has_section(_SECTION) else None


def _keys(profile: Mapping[str, str], path: Path) -> AccessKeys:
    ak, sk = profile.get("ak"), profile.get("sk")
    if not ak or not sk:
        raise CredentialError(f"{path}: section [{_SECTION}] needs ak and sk")
    return access_keys(ak, sk, profile.get("security_token"), source=str(path))
