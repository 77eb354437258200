"""Temporary access keys of an agency, which another login may take on: that one only asks IAM for them.

Source: the vendor's IAM API reference, CreateTemporaryAccessKeyByAgency.
"""

from collections.abc import Callable, Mapping

import msgspec

from batch.csms.auth.credential import Connect, CredentialError, Description, Login, valid_text
from batch.csms.auth.given_keys import given_keys
from batch.csms.auth.iam import HEADERS, SECURITY_TOKENS, authorized
from batch.csms.auth.keys import AccessKeys, KeyCredential, KeyLogin
from batch.csms.faults import Fault
from batch.csms.messages import WireRequest
from jobs.spec import Agency

_VARIABLES = ("HW_ASSUME_ROLE_AGENCY_NAME", "HW_ASSUME_ROLE_DOMAIN_NAME")
_KEYS = ("agency", "agency_domain")
# IAM gives keys for 15 minutes unless asked for more.
_DURATION_S = 3600


def agency_in(environment: Mapping[str, str]) -> Agency | None:
    """The agency that Terraform's variables name; None where they name none.

    Raises:
        CredentialError: one of the two is missing.
    """
    return agency_named(environment, _VARIABLES, "the environment")


def agency_of(profile: Mapping[str, str], source: str) -> Agency | None:
    """The agency that a section of the credentials file names; None where it names none.

    Raises:
        CredentialError: one of the two is missing.
    """
    return agency_named(profile, _KEYS, source)


def agency_named(given: Mapping[str, str], names: tuple[str, str], source: str) -> Agency | None:
    """The agency under these two names; None where both are missing.

    Raises:
        CredentialError: only one of them is.
    """
    agency, domain = (given.get(name) or None for name in names)
    if agency is None and domain is None:
        return None
    if agency is None or domain is None:
        there, absent = names if agency else names[::-1]
        raise CredentialError(f"{source}: {there} is set, but {absent} is not")
    return Agency(name=valid_text(names[0], agency), domain=valid_text(names[1], domain))


class AgencyLogin(KeyLogin):
    """An agency's keys for every place, got and renewed by the `base` login, which is used for nothing else.

    Projects are those of the agency's account: those of the base login are of no use.
    """

    def __init__(
        self,
        base: Login,
        agency: Agency,
        *,
        region: str | None,
        connect: Connect,
        environment: Mapping[str, str],
        utc: Callable[[], float],
    ) -> None:
        shown = base.describe()
        if region is None and not shown.iam_named:
            raise CredentialError("where is IAM? give --region, or set HUAWEICLOUD_SDK_IAM_ENDPOINT")
        self._base = base
        self._agency = agency
        self._region = region or ""
        self._iam = connect
        description = Description(
            kind=shown.kind,
            provider=f"agency {agency.name} of {agency.domain}",
            source=shown.source,
            ends=True,
            renewable=True,
            fetched=True,
            agency=agency,
        )
        super().__init__(self._fetch, description, connect=connect, environment=environment, utc=utc, used=base.secrets)

    async def for_iam(self, region: str) -> tuple[str, KeyCredential]:
        """Signs for the IAM that the base login asks too.

        Raises:
            CredentialError: the region is unknown, or there is nothing to ask IAM with.
        """
        endpoint, _ = await self._base.for_iam(region)
        return endpoint, self.for_scope(endpoint, "")

    def describe(self) -> Description:
        """The agency, and by which login it is taken on."""
        base = self._base.describe()
        return msgspec.structs.replace(super().describe(), iam_named=base.iam_named, name=f"by {base.line}")

    async def _fetch(self) -> AccessKeys | Fault:
        endpoint, credential = await self._base.for_iam(self._region)
        wanted = {
            "agency_name": self._agency.name,
            "domain_name": self._agency.domain,
            "duration_seconds": _DURATION_S,
        }
        body = msgspec.json.encode({"auth": {"identity": {"methods": ["assume_role"], "assume_role": wanted}}})
        headers = {**HEADERS, "Content-Type": "application/json;charset=UTF-8"}
        request = WireRequest(method="POST", target=SECURITY_TOKENS, headers=headers, body=body)
        async with self._iam(endpoint) as wire:
            return given_keys(await authorized(wire, request, credential), "IAM")
