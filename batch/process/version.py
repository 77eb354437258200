"""Which release this is."""

from functools import cache
from importlib import metadata


@cache
def version() -> str:
    """The installed version; `0+source` where it runs from a source tree that was never installed."""
    try:
        return metadata.version("csms-rekey")
    except metadata.PackageNotFoundError:
        return "0+source"
