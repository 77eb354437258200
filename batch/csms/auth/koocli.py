"""Reads a profile of the vendor's command line, KooCLI, from the one file where that keeps all of them."""

from pathlib import Path

import msgspec

from batch.csms.auth.credential import CredentialError
from batch.csms.auth.pasted import odd_file
from batch.csms.auth.private_file import read_private
from batch.csms.errors import UNREADABLE

FILE_VARIABLE = "HW_SHARED_CONFIG_FILE"
_PLAIN = "hcloud configure set --cli-auth-encrypt=false"
_MOST_OF_A_KEY = 40


class _Profile(msgspec.Struct, rename="camel"):
    name: str
    mode: str = ""
    access_key_id: str = ""
    secret_access_key: str = ""
    security_token: str = ""
    project_id: str = ""
    agency_name: str = ""
    agency_domain_name: str = ""
    source_profile: str = ""


class _File(msgspec.Struct):
    profiles: list[_Profile]
    current: str = ""


def read_koocli(path: Path, name: str | None) -> dict[str, str] | None:
    """A profile, under the names that the credentials file of the SDK has for the same; the current one where none is
    named, and None where there is none of that name.

    Raises:
        CredentialError: the file or the profile cannot be used, or its values are encrypted.
    """
    text = read_private(path).text
    if (odd := odd_file(text)) is not None:
        raise CredentialError(f"{path}: {odd}")
    try:
        file = msgspec.json.decode(text, type=_File)
    except UNREADABLE:
        raise CredentialError(f"{path}: not a configuration of KooCLI") from None
    wanted = name or file.current
    profile = next((one for one in file.profiles if one.name == wanted), None)
    return None if profile is None else _plain(profile, f"{path}: profile {profile.name}")


def _plain(profile: _Profile, source: str) -> dict[str, str]:
    if profile.source_profile:
        raise CredentialError(f"{source} uses the keys of another, which is not followed: name that one with --profile")
    if not profile.access_key_id or not profile.secret_access_key:
        raise CredentialError(f"{source} has no access key (mode {profile.mode or 'not named'})")
    if not profile.access_key_id.isalnum() or len(profile.access_key_id) > _MOST_OF_A_KEY:
        raise CredentialError(f"{source} is encrypted; write it plain with `{_PLAIN}`, and keep the file to yourself")
    return {
        "ak": profile.access_key_id,
        "sk": profile.secret_access_key,
        "security_token": profile.security_token,
        "project_id": profile.project_id,
        "agency": profile.agency_name,
        "agency_domain": profile.agency_domain_name,
    }
