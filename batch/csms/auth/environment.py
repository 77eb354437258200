"""Access keys from the variables that the vendor's SDK reads too."""

from collections.abc import Callable, Mapping

from batch.csms.auth.credential import Connect, CredentialError, Description
from batch.csms.auth.keys import AccessKeys, KeyLogin, access_keys
from jobs.spec import Auth

_AK, _SK = "HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK"
_TOKEN = "HUAWEICLOUD_SDK_SECURITY_TOKEN"  # noqa: S105 - the name of a variable, not a token
_PROJECT = "HUAWEICLOUD_SDK_PROJECT_ID"


def find_environment_keys(
    environment: Mapping[str, str], connect: Connect, utc: Callable[[], float]
) -> KeyLogin | None:
    """The keys the environment gives; None where it gives none.

    Raises:
        CredentialError: only one of the pair is given, or what is given cannot be a key.
    """
    ak, sk = environment.get(_AK), environment.get(_SK)
    given = [name for name in (_AK, _SK, _TOKEN) if environment.get(name)]
    if not given:
        return None
    if not ak or not sk:
        raise CredentialError(f"{given[-1]} is set, but {_SK if ak else _AK} is not")
    keys = access_keys(ak, sk, environment.get(_TOKEN), source="HUAWEICLOUD_SDK_*")

    async def fetch() -> AccessKeys:
        return keys

    description = Description(
        kind=Auth.AKSK,
        ends=keys.security_token is not None,
        provider="temporary access keys" if keys.security_token else "access keys",
        source=f"{_AK} and {_SK}" + (f" with {_TOKEN}" if keys.security_token else ""),
        project_id=environment.get(_PROJECT) or None,
    )
    return KeyLogin(fetch, description, connect=connect, environment=environment, held=keys, utc=utc)
