"""Faults by name, and the script that gives them to the k-th write or read of a secret until it is asked to be calm."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from random import Random
from types import MappingProxyType

import msgspec

from batch.sandbox import faults
from batch.sandbox.faults import InjectedFault
from batch.sandbox.wire import Arrival
from tests.kit.faults import canned, refusing, slow

_LATE = 0.8
_WRONG_NAME = b'{"secret":{"name":"somebody-else","kms_key_id":"00000000-0000-4000-8000-000000000000"}}'
_HUGE = b"x" * 70_000

_MAKERS: Mapping[str, Callable[[float], InjectedFault]] = MappingProxyType(
    {
        "429": lambda _: faults.gateway_error(429),
        "429 in 3 s": lambda _: faults.gateway_error(429, retry_after="3"),
        "500": lambda _: faults.gateway_error(500),
        "502 applied": lambda _: faults.gateway_error(502, applied=True),
        "503": lambda _: faults.gateway_error(503),
        "504": lambda _: faults.gateway_error(504),
        "504 applied": lambda _: faults.gateway_error(504, applied=True),
        "504 lands later": lambda timeout_s: faults.gateway_error(504, lands_after_s=_LATE * timeout_s),
        "html 502": lambda _: faults.page(502),
        "html 403": lambda _: faults.page(403),
        "html 403 applied": lambda _: faults.page(403, applied=True),
        "408": lambda _: canned(408, b""),
        "html 200": lambda _: faults.page(200),
        "html 200 applied": lambda _: faults.page(200, applied=True),
        "another name": lambda _: canned(200, _WRONG_NAME),
        "reset": lambda _: faults.reset(applied=False),
        "reset applied": lambda _: faults.reset(applied=True),
        "reset lands later": lambda timeout_s: faults.reset(applied=False, lands_after_s=_LATE * timeout_s),
        "silence": lambda _: faults.silence(applied=False),
        "silence applied": lambda _: faults.silence(applied=True),
        "silence lands later": lambda timeout_s: faults.silence(applied=False, lands_after_s=_LATE * timeout_s),
        "cut": lambda _: faults.cut(applied=False),
        "cut applied": lambda _: faults.cut(applied=True),
        "drop": lambda _: faults.drop(),
        "slow": lambda timeout_s: slow(0.5 * timeout_s),
        "too slow": lambda timeout_s: slow(1.5 * timeout_s),
        "401": lambda _: faults.gateway_error(401),
        "403": lambda _: faults.gateway_error(403),
        "key refused": lambda _: refusing("CSMS.0401"),
        "key not there": lambda _: refusing("KMS.0207"),
        "not enabled": lambda _: refusing("CSMS.0109"),
        "redirect": lambda _: canned(302, b"", headers=(("Location", "https://elsewhere.example/"),)),
    }
)
WRITE_FAULTS = tuple(_MAKERS)
# A service that lies about what it has would be beyond anybody; its reads only fail.
READ_FAULTS = tuple(name for name in WRITE_FAULTS if "refused" not in name and name != "key not there")


def fault(name: str, timeout_s: float) -> InjectedFault:
    """The fault of that name; what lands later does so within the client's timeout."""
    return _MAKERS[name](timeout_s)


class Down(msgspec.Struct, frozen=True):
    """Every write, every read or both meet a fault for a while, in seconds since the service began."""

    access: str
    from_s: float
    length_s: float
    fault: str


ACCESSES = ("write", "read", "both")
OUTAGE_FAULTS = (
    "429",
    "500",
    "503",
    "504 applied",
    "504 lands later",
    "reset",
    "silence",
    "drop",
    "html 502",
    "html 403",
    "403",
    "key refused",
    "408",
)


class Weather(msgspec.Struct, frozen=True):
    """Shares of all writes and reads that fail until `until_s`: writes by blame of their key, by `errors` or for their
    rate, reads by the same errors.
    """

    blames: float
    errors: float
    throttles: float
    unread: float
    until_s: float
    seed: int

    def script(self, timeout_s: float) -> Callable[[str, float], InjectedFault | None]:
        """Asked for each request, by its access and its time."""
        rng = Random(self.seed)
        bad = [fault(name, timeout_s) for name in _BAD_WEATHER]

        def decide(access: str, now_s: float) -> InjectedFault | None:
            share = rng.random()
            error = bad[rng.randrange(len(bad))]
            if now_s >= self.until_s:
                return None
            if access == "read":
                return error if share < self.unread else None
            if share < self.blames:
                return fault("key refused", timeout_s)
            if share < self.blames + self.errors:
                return error
            return fault("429", timeout_s) if share > 1.0 - self.throttles else None

        return decide


_BAD_WEATHER = (
    "slow",
    "503",
    "504 applied",
    "504 lands later",
    "silence",
    "silence applied",
    "html 200",
    "drop",
    "slow",
)


class Plan:
    """The k-th write (or read) of a secret, counted from 1, meets the fault planned for it, or the one planned for each
    (k = 0); another one that of an outage, where there is one.
    """

    def __init__(
        self,
        plan: Mapping[tuple[str, str, int], InjectedFault],
        outages: Sequence[Down] = (),
        *,
        weather: Weather | None = None,
        timeout_s: float = 60.0,
    ) -> None:
        self._weather = None if weather is None else weather.script(timeout_s)
        self._plan = plan
        self._outages = [(one, fault(one.fault, timeout_s)) for one in outages]
        self._seen: Counter[tuple[str, str]] = Counter()
        self.calm = False

    def decide(self, arrival: Arrival) -> InjectedFault | None:
        """The fault this request meets."""
        which = "write" if arrival.is_update else "read", arrival.secret_name or ""
        self._seen[which] += 1
        if self.calm:
            return None
        planned = self._plan.get((*which, self._seen[which])) or self._plan.get((*which, 0))
        planned = planned or self._down(which[0], arrival.now_s)
        if planned is None and self._weather is not None and arrival.secret_name is not None:
            return self._weather(which[0], arrival.now_s)
        return planned

    def _down(self, access: str, now_s: float) -> InjectedFault | None:
        for down, met in self._outages:
            if down.access in {access, "both"} and down.from_s <= now_s < down.from_s + down.length_s:
                return met
        return None
