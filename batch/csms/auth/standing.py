"""How the token or keys in use stand: a pure table of what each thing that happens to them makes of them."""

from enum import Enum, auto


class Standing(Enum):
    """How the value in use stands.

    | standing | accepted | refused | forged  | looked for | came    | none  |
    |----------|----------|---------|---------|------------|---------|-------|
    | EMPTY    |          |         |         | SPOILED    | FRESH   | ended |
    | FRESH    | PROVEN   |         | BARRED  | SPOILED    |         |       |
    | PROVEN   |          | FRESH   | BARRED  | SPOILED    |         |       |
    | SPOILED  |          |         | BARRED  |            | RENEWED | ended |
    | RENEWED  | PROVEN   | ended   | BARRED  | ended      | FRESH   |       |
    | REFUSED  | PROVEN   |         | BARRED  |            | FRESH   |       |
    | BARRED   |          |         |         |            |         |       |

    An empty place changes nothing; `ended` is BARRED where refusals lock the value, else REFUSED.
    """

    EMPTY = auto()
    """There was none yet."""
    FRESH = auto()
    """Nothing was let in with it since it came or was last refused."""
    PROVEN = auto()
    """A request was let in with it."""
    SPOILED = auto()
    """It was refused and another is looked for, or could not be had yet: nothing is sent with it."""
    RENEWED = auto()
    """It came in the place of a refused one, and nothing was let in with it yet: a refusal is the end."""
    REFUSED = auto()
    """It was refused, and there is no other. It may still be good in another place, so it is sent."""
    BARRED = auto()
    """It was refused, and one more refusal might lock it: nothing is sent any more."""


class Event(Enum):
    """What can happen to it."""

    ACCEPTED = auto()
    """An answer came that only a request that was let in gets."""
    REFUSED = auto()
    """A request was refused for it."""
    FORGED = auto()
    """A request was refused for its signature."""
    LOOKED_FOR = auto()
    """Another is looked for, because it was refused."""
    CAME = auto()
    """Another came."""
    NONE = auto()
    """There is no other."""


_ENDED = None
_NEXT: dict[tuple[Standing, Event], Standing | None] = {
    (Standing.EMPTY, Event.LOOKED_FOR): Standing.SPOILED,
    (Standing.EMPTY, Event.CAME): Standing.FRESH,
    (Standing.EMPTY, Event.NONE): _ENDED,
    (Standing.FRESH, Event.ACCEPTED): Standing.PROVEN,
    (Standing.FRESH, Event.FORGED): Standing.BARRED,
    (Standing.FRESH, Event.LOOKED_FOR): Standing.SPOILED,
    (Standing.PROVEN, Event.REFUSED): Standing.FRESH,
    (Standing.PROVEN, Event.FORGED): Standing.BARRED,
    (Standing.PROVEN, Event.LOOKED_FOR): Standing.SPOILED,
    (Standing.SPOILED, Event.FORGED): Standing.BARRED,
    (Standing.SPOILED, Event.CAME): Standing.RENEWED,
    (Standing.SPOILED, Event.NONE): _ENDED,
    (Standing.RENEWED, Event.ACCEPTED): Standing.PROVEN,
    (Standing.RENEWED, Event.REFUSED): _ENDED,
    (Standing.RENEWED, Event.FORGED): Standing.BARRED,
    (Standing.RENEWED, Event.LOOKED_FOR): _ENDED,
    (Standing.RENEWED, Event.CAME): Standing.FRESH,
    (Standing.REFUSED, Event.ACCEPTED): Standing.PROVEN,
    (Standing.REFUSED, Event.FORGED): Standing.BARRED,
    (Standing.REFUSED, Event.CAME): Standing.FRESH,
}


def after(standing: Standing, event: Event, *, locks: bool) -> Standing:
    """The standing after an event; `locks` says that refusals count against the value."""
    return _NEXT.get((standing, event), standing) or (Standing.BARRED if locks else Standing.REFUSED)
