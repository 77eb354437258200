"""Which host serves CSMS in a region: the only way from a region's name, also one in a manifest, to an endpoint."""

import difflib

_TABLE = {
    "cn-north": (1, 2, 4, 9, 11, 12),
    "cn-east": (2, 3, 4, 5),
    "cn-south": (1, 2),
    "cn-southwest": (2, 3),
    "ap-southeast": (1, 2, 3, 4, 5),
    "la-south": (2,),
    "la-north": (2,),
    "sa-brazil": (1,),
    "na-mexico": (1,),
    "me-east": (1,),
    "tr-west": (1,),
    "ae-ad": (1,),
    "my-kualalumpur": (1,),
    "ru-moscow": (1,),
    "af-north": (1,),
    "af-south": (1,),
}
"""The region table of the vendor's CSMS SDK; CSMS has no separate host, the KMS host serves its paths."""
_REGIONS = frozenset(f"{area}-{number}" for area, numbers in _TABLE.items() for number in numbers)

_EUROPE = frozenset({"eu-west-101"})
"""Known to the vendor's KMS SDK only; its hosts are in another domain."""

CLOUDS = ("myhuaweicloud.com", "myhuaweicloud.eu")
"""The domains of all these hosts; no other cloud knows their tokens and keys."""


def known_regions() -> tuple[str, ...]:
    """Every region with a known endpoint, sorted."""
    return tuple(sorted(_REGIONS | _EUROPE))


def endpoint_for(region: str) -> str:
    """The endpoint of a region: scheme and host, without a trailing slash.

    Raises:
        ValueError: the region is in no table; the message names those that look like it.
    """
    if region in _REGIONS:
        return f"https://kms.{region}.myhuaweicloud.com"
    if region in _EUROPE:
        return f"https://kms.{region}.myhuaweicloud.eu"
    shown = region[:64]
    close = difflib.get_close_matches(shown.strip().lower(), known_regions(), n=3)
    meant = f"; did you mean {' or '.join(close)}?" if close else ""
    raise ValueError(f"unknown region {shown!a}{meant} (a region not listed here needs --endpoint)")
