"""Scripts of bad days: shares of requests that fail, rows that always fail, rights that come and go."""

from collections.abc import Callable, Container
from random import Random

from batch.sandbox.faults import InjectedFault
from batch.sandbox.wire import Arrival


class Share:
    """A share of all updates meets a fault, at random."""

    def __init__(self, share: float, fault: InjectedFault, seed: int = 1) -> None:
        self._share = share
        self._fault = fault
        self._rng = Random(seed)

    def decide(self, arrival: Arrival) -> InjectedFault | None:
        return self._fault if arrival.is_update and self._rng.random() < self._share else None


class Always:
    """Every update of some secrets meets a fault."""

    def __init__(self, names: Container[str], fault: InjectedFault) -> None:
        self._names = names
        self._fault = fault

    def decide(self, arrival: Arrival) -> InjectedFault | None:
        return self._fault if arrival.is_update and arrival.secret_name in self._names else None


class While:
    """Every update meets a fault while a condition on the time holds, in seconds since the service began."""

    def __init__(self, holds: Callable[[float], bool], fault: InjectedFault) -> None:
        self._holds = holds
        self._fault = fault

    def decide(self, arrival: Arrival) -> InjectedFault | None:
        return self._fault if arrival.is_update and self._holds(arrival.now_s) else None
