"""Scripts for a sandbox: which request meets which fault, said beforehand."""

from collections import Counter
from collections.abc import Mapping

from batch.sandbox import faults
from batch.sandbox.faults import FaultScript, InjectedFault
from batch.sandbox.wire import Arrival


class Updates:
    """Faults by secret: the k-th update of secret X (from 1) meets `plan[X, k]`."""

    def __init__(self, plan: Mapping[tuple[str, int], InjectedFault]) -> None:
        self._plan = plan
        self._seen: Counter[str] = Counter()

    def decide(self, arrival: Arrival) -> InjectedFault | None:
        """The fault planned for this update; other requests are not counted."""
        if not arrival.is_update or arrival.secret_name is None:
            return None
        self._seen[arrival.secret_name] += 1
        return self._plan.get((arrival.secret_name, self._seen[arrival.secret_name]))


class Numbers:
    """Faults by the number of the request, counted from 1 over all of them."""

    def __init__(self, plan: Mapping[int, InjectedFault]) -> None:
        self._plan = plan

    def decide(self, arrival: Arrival) -> InjectedFault | None:
        """The fault planned for this number."""
        return self._plan.get(arrival.n)


class Outage:
    """Every request that arrives from `from_s` and before `until_s`, in seconds since the start, meets one fault.

    `project_id` leaves the other projects out of it.
    """

    def __init__(
        self, from_s: float, until_s: float, fault: InjectedFault | None = None, *, project_id: str | None = None
    ) -> None:
        self._from_s = from_s
        self._until_s = until_s
        self._fault = faults.drop() if fault is None else fault
        self._project_id = project_id

    def decide(self, arrival: Arrival) -> InjectedFault | None:
        """The fault, while the outage lasts."""
        if not self._from_s <= arrival.now_s < self._until_s:
            return None
        if self._project_id is not None and (arrival.route is None or arrival.route.project_id != self._project_id):
            return None
        return self._fault


class FirstOf:
    """Several scripts at once; every one is asked, and the first that has a fault prevails."""

    def __init__(self, *scripts: FaultScript) -> None:
        self._scripts = scripts

    def decide(self, arrival: Arrival) -> InjectedFault | None:
        """The first fault any script has."""
        found = [script.decide(arrival) for script in self._scripts]
        return next((fault for fault in found if fault is not None), None)
