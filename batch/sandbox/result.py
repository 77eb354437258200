"""What an operation comes to when it is not refused, before it is put into an envelope."""

import msgspec


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What goes into the answer, and whether a secret was changed for it."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    applied: bool = False
