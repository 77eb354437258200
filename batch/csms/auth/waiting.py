"""How long a login has not answered, and when it is asked again: requests that need it wait for that."""

import msgspec


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A login from `source` that was first asked for at `since_s` and has not come since. The last try met `code`,
    empty where none is over, and the next begins at `again_s`, where that is known. Both are of the loop's clock.
    """

    since_s: float
    source: str
    code: str = ""
    again_s: float | None = None
