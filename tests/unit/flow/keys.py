"""A credential as slots see it."""

from dataclasses import dataclass
from typing import cast

from batch.csms.auth import Credential
from batch.csms.auth.waiting import Waiting
from batch.flow.slots import ScopeSlots, Slots, Turns


@dataclass(slots=True)
class Key:
    """All of a credential that slots ask for."""

    proven: bool = True
    waiting: Waiting | None = None

    @property
    def credential(self) -> Credential:
        return cast("Credential", self)

    def scope(self, slots: Slots, turns: Turns | None = None) -> ScopeSlots:
        """A scope that signs with it."""
        return ScopeSlots(slots, turns or Turns(), self.credential)
