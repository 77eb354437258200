"""What the rows of one scope are worked on with, and who is told what becomes of them."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from batch.csms.client import CsmsClient
from batch.csms.faults import Fault
from batch.engine.fail_fast import KeyWatch, RightsWatch
from batch.engine.recorder import Recorder
from batch.engine.retry import Policy
from batch.engine.row_queue import RowQueue
from batch.flow.admission import Valve
from batch.process.clock import Clock
from jobs.model import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Notices:
    """Who is told what: outcomes as they come, a key that is held back or good after all, a reason to stop, a defect of
    this program.
    """

    ended: Callable[[Outcome], None]
    key_held: Callable[[str, str], None]
    key_good: Callable[[str], None]
    fault: Callable[[Fault], None]
    stop: Callable[[str], None]
    defect: Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What a scope's rows are worked on with."""

    client: CsmsClient
    valve: Valve
    queue: RowQueue
    recorder: Recorder
    policy: Policy
    clock: Clock
    rng: Random
    keys: KeyWatch
    rights: RightsWatch
    notices: Notices
    in_flight: Callable[[], int]
