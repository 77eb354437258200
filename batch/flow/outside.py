"""Everything that a sender takes from outside: the network, the login, the clock and chance."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from batch.csms.auth import Login
from batch.csms.messages import Wire
from batch.process.clock import Clock

WireFactory = Callable[[str], contextlib.AbstractAsyncContextManager[Wire]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """All of it as one value; `clean` takes credentials out of what the service said."""

    wire: WireFactory
    login: Login
    clock: Clock
    rng: Random
    user_agent: str
    clean: Callable[[str], str]
