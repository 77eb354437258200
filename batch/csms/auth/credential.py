"""What every way to log in offers: a login for a whole run, and a credential for each place the run talks to."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import msgspec

from batch.csms.auth.pasted import odd_name
from batch.csms.auth.waiting import Waiting
from batch.csms.faults import Fault
from batch.csms.messages import Wire, WireAnswer, WireRequest
from batch.redaction.masked import Masked
from jobs.spec import Agency, Auth

Connect = Callable[[str], AbstractAsyncContextManager[Wire]]
"""Opens a wire to an endpoint, for the requests that a login makes itself."""


class CredentialError(Exception):
    """No usable credential; the message names where it was looked for and never what was found."""


def valid_text(name: str, text: str) -> str:
    """The text of a variable, which must be valid.

    Raises:
        CredentialError: it holds bytes that are not text in this locale's encoding, or characters that no password has.
    """
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise CredentialError(f"{name}: holds bytes that are not text in this locale's encoding; use a UTF-8 locale")
    if (odd := odd_name(text)) is not None:
        raise CredentialError(f"{name}: {odd}")
    return text


class NoLoginError(CredentialError):
    """None is given at all."""


class LoginRefusedError(CredentialError):
    """There is one, and it was refused for good."""


class NotAuthorizedError(Exception):
    """A request that was not sent because nothing allows it; `fault` says why, and that nothing was applied."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(f"{fault.code}: {fault.message}")
        # It may be IAM's own: what became of a login says nothing of the request that it was for.
        self.fault = msgspec.structs.replace(fault, maybe_applied=False, withheld=True)


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """What may be shown of a login. `project_id` and `project_name` are those of its own project, if known, and
    `expires_s` is the end of what it holds now in UTC seconds since 1970: None where that is not known or has none, and
    `ends` says which. What is `fetched` comes with its end: without one, nothing was obtained. `iam_named` says that
    its source also named IAM's address. `name` is what others may know it by: a user, an agency, the last characters of
    an access key. `agency` is the one that a login of that kind has taken on.
    """

    kind: Auth
    provider: str
    source: str
    project_id: str | None = None
    project_name: str | None = None
    expires_s: float | None = None
    ends: bool = False
    renewable: bool = False
    fetched: bool = False
    iam_named: bool = False
    name: str | None = None
    agency: Agency | None = None

    @property
    def line(self) -> str:
        """Its kind and its name."""
        return self.provider if self.name is None else f"{self.provider}, {self.name}"


class Credential(Protocol):
    """Lets requests to one place pass."""

    @property
    def generation(self) -> int:
        """Changes whenever a new token or new keys came in."""

    @property
    def proven(self) -> bool:
        """Whether a request has been let in since token or keys came or were last refused."""

    @property
    def waiting(self) -> Waiting | None:
        """What requests wait for where there is no token and there are no keys to let them in with."""

    @property
    def locks(self) -> bool:
        """Whether refusals count against it: the sixth wrong signature in a row locks an access key for five minutes.

        Until it is proven, no more than one request may be open with it, in all places that it serves together.
        """

    async def authorize(self, request: WireRequest) -> WireRequest:
        """The request with the headers that allow it; what is near its end is renewed meanwhile, without waiting.

        Raises:
            NotAuthorizedError: there is nothing to allow it with. Its fault is a CREDENTIAL one where `renew` may help
                or there is no way back, a SIGNATURE one once a wrong signature was seen, and the fault met on the way
                to a first token or key where another try may succeed.
        """

    async def renew(self, generation: int) -> bool:
        """Gets a new token or keys after a refusal of a request authorized under `generation`.

        One at a time and at most one for each generation, however many ask. True: try again, it is with a new one, or
        nothing leaves before there is one. False: there is no other, or this one was new and was refused before
        anything was let in with it.
        """

    def observe(self, answer: WireAnswer | Fault, generation: int) -> None:
        """Learns from the answer to a request authorized under `generation`: after a wrong signature nothing more is.

        It is called once for every request that was authorized, whatever became of it.
        """

    def secrets(self) -> tuple[Masked, ...]:
        """Everything secret that is or was lately in use, for redaction."""


class Login(Protocol):
    """One way to log in, for every place of a run; its credentials share what is renewed and what was refused."""

    def for_scope(self, endpoint: str, project_id: str) -> Credential:
        """The credential for one project at one endpoint (scheme, host and port)."""

    async def project_id(self, region: str) -> str:
        """The project of a region: the login's own where it has one, else the one IAM knows by the region's name.

        Raises:
            CredentialError: IAM does not know one, or cannot be asked.
        """

    async def for_iam(self, region: str) -> tuple[str, Credential]:
        """Where IAM is, as the environment says or in that region, and the credential for its lists.

        Raises:
            CredentialError: the region is unknown, or there is nothing to ask IAM with.
        """

    def secrets(self) -> tuple[Masked, ...]:
        """Everything secret that is or was lately in use, for redaction."""

    def describe(self) -> Description:
        """What may be shown of it."""
