"""What is known of a report that has been written."""

import msgspec


class FileFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One whole file of a run directory: `rows` counts the manifest rows it tells of, not its header."""

    name: str
    sha256: str
    bytes: int
    rows: int
