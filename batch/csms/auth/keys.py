"""Access keys, permanent or temporary: every request is signed with them."""

from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import urlsplit

import msgspec

from batch.csms.auth.clouds import iam_named
from batch.csms.auth.credential import Connect, CredentialError, Description
from batch.csms.auth.held import HeldCredential
from batch.csms.auth.iam import iam_endpoint, look_up_project
from batch.csms.auth.pasted import odd_token
from batch.csms.auth.renewal import Renewal
from batch.csms.faults import Fault
from batch.csms.messages import WireRequest
from batch.csms.signing import Signer
from batch.redaction.masked import Masked

# Well before the end: the metadata service gives out new keys long before the old ones end.
_MARGIN_S = 15 * 60.0
# Of an access key, which has twenty characters, so many may be shown.
_TAIL, _LEAST = 4, 16


class AccessKeys(msgspec.Struct, frozen=True, kw_only=True):
    """A pair of keys and, with a temporary pair, its token: only ever used together."""

    ak: Masked
    sk: Masked
    security_token: Masked | None = None
    expires_s: float | None = None

    @property
    def secrets(self) -> tuple[Masked, ...]:
        """All of it."""
        return tuple(one for one in (self.ak, self.sk, self.security_token) if one is not None)


def access_keys(
    ak: str, sk: str, security_token: str | None, *, source: str, expires_s: float | None = None
) -> AccessKeys:
    """Keys as they were read from `source`.

    Raises:
        CredentialError: one of them cannot be one.
    """
    for name, text in (("access key", ak), ("secret key", sk), ("security token", security_token or None)):
        if text is not None and (odd := odd_token(text.strip())) is not None:
            raise CredentialError(f"{source}: the {name} {odd}")
    token = Masked(security_token.strip()) if security_token else None
    return AccessKeys(ak=Masked(ak.strip()), sk=Masked(sk.strip()), security_token=token, expires_s=expires_s)


class KeyLogin:
    """Access keys for every place. `fetch` reads them, and again after a refusal; `held` are those read already, and
    `used` are the secrets it gets them for.
    """

    def __init__(
        self,
        fetch: Callable[[], Awaitable[AccessKeys | Fault]],
        description: Description,
        *,
        connect: Connect,
        environment: Mapping[str, str],
        held: AccessKeys | None = None,
        utc: Callable[[], float],
        used: Callable[[], tuple[Masked, ...]] = tuple,
    ) -> None:
        self._description = description
        self._used = used
        self._connect = connect
        self._environment = environment
        self._utc = utc
        # The sixth wrong signature in a row locks an access key for five minutes (vendor's API signing guide).
        self._renewal = Renewal(
            fetch, margin_s=_MARGIN_S, locks=True, harmless=True, held=held, utc=utc, source=description.source
        )

    def for_scope(self, endpoint: str, project_id: str) -> "KeyCredential":
        """Signs with the same keys as all the others; the host is part of what is signed."""
        return KeyCredential(self._renewal, urlsplit(endpoint).netloc, project_id or None, utc=self._utc)

    async def project_id(self, region: str) -> str:
        """The project that was given with the keys, else the one that IAM knows by the name given, or the region's.

        Raises:
            CredentialError: IAM does not know one, or cannot be asked.
        """
        if self._description.project_id is not None:
            return self._description.project_id
        endpoint, credential = await self.for_iam(region)
        name = self._description.project_name or region
        return await look_up_project(credential, name, endpoint=endpoint, connect=self._connect)

    async def for_iam(self, region: str) -> tuple[str, "KeyCredential"]:
        """Signs for IAM's host, and for no project.

        Raises:
            CredentialError: the region is unknown.
        """
        endpoint = iam_endpoint(region, self._environment)
        return endpoint, self.for_scope(endpoint, "")

    def secrets(self) -> tuple[Masked, ...]:
        """Every part of the keys in use, of those before them, and what they were given for."""
        return (*self._used(), *self._renewal.secrets)

    def describe(self) -> Description:
        """Where the keys are from, and until when those in use are good."""
        held = self._renewal.held
        return msgspec.structs.replace(
            self._description,
            expires_s=None if held is None else held.expires_s,
            iam_named=iam_named(self._environment),
            name=self._description.name or (None if held is None else _tail(held.ak)),
        )


def _tail(ak: Masked) -> str | None:
    """The end of an access key, by which its owner knows it; a short one would give too much away."""
    text = ak.reveal()
    return f"ends in {text[-_TAIL:]}" if len(text) >= _LEAST else None


class KeyCredential(HeldCredential[AccessKeys]):
    """Signs for one project at one host."""

    def __init__(
        self, renewal: Renewal[AccessKeys], host: str, project_id: str | None, *, utc: Callable[[], float]
    ) -> None:
        super().__init__(renewal)
        self._host = host
        self._project_id = project_id
        self._utc = utc
        self._signer: tuple[AccessKeys, Signer] | None = None

    async def authorize(self, request: WireRequest) -> WireRequest:
        """The request signed for now: every attempt is signed again."""
        keys = self._renewal.at_hand or await self._renewal.get()
        if self._signer is None or self._signer[0] is not keys:
            self._signer = (keys, Signer(keys.ak, keys.sk, keys.security_token))
        return self._signer[1].sign(request, host=self._host, project_id=self._project_id, at_s=self._utc())
