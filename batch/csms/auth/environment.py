"""Access keys from the variables of the vendor's SDK, and of Terraform's provider."""

from collections.abc import Callable
from typing import NamedTuple

from batch.csms.auth.credential import Connect, CredentialError, Description
from batch.csms.auth.iam import PROJECT_NAME_VARIABLE, PROJECT_VARIABLE
from batch.csms.auth.keys import AccessKeys, KeyLogin, access_keys
from batch.csms.auth.variables import Variables
from jobs.spec import Auth


class _Family(NamedTuple):
    """The variables of one tool: a pair is never put together from two. Terraform's old names have no token."""

    prefix: str
    ak: str
    sk: str
    token: str = ""


_FAMILIES = (
    _Family("HUAWEICLOUD_SDK_", "HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK", "HUAWEICLOUD_SDK_SECURITY_TOKEN"),
    _Family("HW_", "HW_ACCESS_KEY", "HW_SECRET_KEY", "HW_SECURITY_TOKEN"),
    _Family("OS_", "OS_ACCESS_KEY", "OS_SECRET_KEY"),
)


def find_environment_keys(environment: Variables, connect: Connect, utc: Callable[[], float]) -> KeyLogin | None:
    """The keys the environment gives; None where it gives none.

    Raises:
        CredentialError: only one of the pair is given, two tools have different ones, or what is given cannot be a key.
    """
    family = _family(environment)
    if family is None:
        return None
    ak, sk, token = (environment.raw(name) for name in family[1:])
    keys = access_keys(ak or "", sk or "", token, source=f"{family.prefix}*")

    async def fetch() -> AccessKeys:
        return keys

    description = Description(
        kind=Auth.AKSK,
        ends=token is not None,
        provider="temporary access keys" if token else "access keys",
        source=f"{family.ak} and {family.sk}" + (f" with {family.token}" if token else ""),
        project_id=environment.get(PROJECT_VARIABLE),
        project_name=environment.get(PROJECT_NAME_VARIABLE),
    )
    return KeyLogin(fetch, description, connect=connect, environment=environment, held=keys, utc=utc)


def _family(environment: Variables) -> _Family | None:
    """The tool whose variables are set; the first of those that agree."""
    found = [family for family in _FAMILIES if _is_given(environment, family)]
    for other in found[1:]:
        for one, two in zip(found[0][1:], other[1:], strict=True):
            if two and environment.raw(one) != environment.raw(two):
                raise CredentialError(f"{one} and {two} are set to different values: unset one of them")
    return found[0] if found else None


def _is_given(environment: Variables, family: _Family) -> bool:
    given = [name for name in family[1:] if environment.raw(name)]
    if given and not {family.ak, family.sk} <= set(given):
        raise CredentialError(f"{given[-1]} is set, but {family.sk if family.ak in given else family.ak} is not")
    return bool(given)
