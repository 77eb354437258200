"""A login from one profile of a file: the credentials file of the vendor's SDK, or the one of its command line."""

import configparser
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from batch.csms.auth import koocli
from batch.csms.auth.agency import agency_of
from batch.csms.auth.credential import Connect, CredentialError, Description
from batch.csms.auth.federated import Federation, federated_login
from batch.csms.auth.iam import PROJECT_VARIABLE
from batch.csms.auth.keys import AccessKeys, KeyLogin, access_keys
from batch.csms.auth.pasted import odd_file
from batch.csms.auth.private_file import read_private
from batch.csms.auth.variables import IAM_ENDPOINT_VARIABLE, Variables
from jobs.spec import Auth

FILE_VARIABLE = "HUAWEICLOUD_SDK_CREDENTIALS_FILE"
_USUAL_NAME = "basic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Where a profile is; it is read again when its keys are refused: somebody may have put new ones in."""

    path: Path
    name: str | None
    read: Callable[[Path, str | None], dict[str, str] | None]

    @property
    def source(self) -> str:
        """The file and the profile in it."""
        return f"{self.path} [{self.name}]" if self.name else f"{self.path}, its current profile"

    def keys(self) -> AccessKeys:
        """The access keys in it.

        Raises:
            CredentialError: there are none, or they cannot be used.
        """
        return _keys(self.read(self.path, self.name) or {}, self)


def find_profile(
    environment: Variables, connect: Connect, utc: Callable[[], float], region: str | None, name: str | None
) -> KeyLogin | None:
    """The keys in the profile of that name, or those of the identity provider it names. Without a name it is [basic] of
    the usual file, or the current one of KooCLI's where that is named: None where there is neither.

    Raises:
        CredentialError: the file cannot be used, or has no such profile.
    """
    profile = _place(environment, name)
    if profile is None:
        return None
    values = profile.read(profile.path, profile.name)
    if values is None:
        if name or environment.get(FILE_VARIABLE) or environment.get(koocli.FILE_VARIABLE):
            raise CredentialError(f"{profile.path}: has no {_called(profile)}")
        return None
    endpoint = values.get("iam_endpoint")
    known = environment.instead(IAM_ENDPOINT_VARIABLE, endpoint) if endpoint else environment
    federation = Federation.from_profile(values, profile.source)
    if federation is not None:
        return federated_login(federation, known, connect, utc, region)
    keys = _keys(values, profile)

    async def fetch() -> AccessKeys:
        return profile.keys()

    description = Description(
        kind=Auth.AKSK,
        ends=keys.security_token is not None,
        provider="temporary access keys" if keys.security_token else "access keys",
        source=profile.source,
        project_id=values.get("project_id") or environment.get(PROJECT_VARIABLE),
        renewable=True,
        agency=agency_of(values, profile.source),
    )
    return KeyLogin(fetch, description, connect=connect, environment=known, held=keys, utc=utc)


def _place(environment: Variables, name: str | None) -> Profile | None:
    sdk, command_line = environment.get(FILE_VARIABLE), environment.get(koocli.FILE_VARIABLE)
    if sdk and command_line:
        raise CredentialError(f"{FILE_VARIABLE} and {koocli.FILE_VARIABLE} are both set: unset one of them")
    if command_line:
        return Profile(path=Path(command_line), name=name, read=koocli.read_koocli)
    path = Path(sdk) if sdk else _usual(environment)
    if path is None and name:
        raise CredentialError(f"profile {name}: there is no ~/.huaweicloud/credentials, and {FILE_VARIABLE} is not set")
    return None if path is None else Profile(path=path, name=name or _USUAL_NAME, read=_section)


def _called(profile: Profile) -> str:
    return f"section [{profile.name}]" if profile.read is _section else f"profile {profile.name or 'that is current'}"


def _usual(environment: Mapping[str, str]) -> Path | None:
    """The usual file where there is one; a home that is not known, or not ours to look into, has none."""
    try:
        path = Path(environment.get("HOME") or "~").expanduser() / ".huaweicloud" / "credentials"
        return path if path.exists() else None
    except (OSError, RuntimeError):
        return None


def _section(path: Path, name: str | None) -> dict[str, str] | None:
    parser = configparser.ConfigParser(interpolation=None)
    text = read_private(path).text
    if (odd := odd_file(text)) is not None:
        raise CredentialError(f"{path}: {odd}")
    try:
        parser.read_string(text)
    except configparser.Error as error:
        # Its message would quote the line.
        raise CredentialError(f"{path}: not an INI file ({type(error).__name__})") from None
    return dict(parser.items(name)) if name and parser.has_section(name) else None


def _keys(values: Mapping[str, str], profile: Profile) -> AccessKeys:
    ak, sk = values.get("ak"), values.get("sk")
    if not ak or not sk:
        raise CredentialError(f"{profile.path}: {_called(profile)} needs ak and sk")
    return access_keys(ak, sk, values.get("security_token"), source=str(profile.path))
