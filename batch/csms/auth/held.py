"""What every credential shares whose token or keys a `Renewal` holds; how they get into a request is its own matter."""

from typing import Generic, TypeVar

from batch.csms.auth.renewal import Holdable, Renewal
from batch.csms.auth.waiting import Waiting
from batch.csms.faults import Fault
from batch.csms.messages import WireAnswer
from batch.redaction.masked import Masked

V = TypeVar("V", bound=Holdable)


class HeldCredential(Generic[V]):
    """A `Credential` but for `authorize`. Those of several places may share one renewal, and so all that it learns."""

    def __init__(self, renewal: Renewal[V]) -> None:
        self._renewal = renewal

    @property
    def generation(self) -> int:
        """Counts the tokens or keys that came in."""
        return self._renewal.generation

    @property
    def proven(self) -> bool:
        """Whether a request was let in since they came or were last refused."""
        return self._renewal.proven

    @property
    def waiting(self) -> Waiting | None:
        """What requests wait for where there are none."""
        return self._renewal.waiting

    @property
    def locks(self) -> bool:
        """Whether refusals count against them."""
        return self._renewal.locks

    async def renew(self, generation: int) -> bool:
        """Looks for others after a refusal of those of `generation`; whether there is something to try again with."""
        return await self._renewal.renew(generation)

    def observe(self, answer: WireAnswer | Fault, generation: int) -> None:
        """Learns from the answer to a request that was authorized under `generation`."""
        self._renewal.observe(answer, generation)

    def secrets(self) -> tuple[Masked, ...]:
        """Everything secret that is or was lately in use."""
        return self._renewal.secrets
