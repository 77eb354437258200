"""Times, shares and rates as a reader sees them."""

import math

_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400


def span(seconds: float) -> str:
    """A time span in two units: 12 s, 3 min 05 s, 2 h 07 min, 3 d 04 h."""
    whole = math.ceil(seconds)
    if whole < _MINUTE_S:
        return f"{whole} s"
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S} min {whole % _MINUTE_S:02d} s"
    if whole < _DAY_S:
        return f"{whole // _HOUR_S} h {whole % _HOUR_S // _MINUTE_S:02d} min"
    return f"{whole // _DAY_S} d {whole % _DAY_S // _HOUR_S:02d} h"


def share(of_all: float) -> str:
    """A share in percent: 30 %, and 0.4 % where that is little."""
    percents = 100 * of_all
    return f"{percents:.1f} %" if 0 < percents < 1 else f"{percents:.0f} %"


def rate_text(per_s: float) -> str:
    """Requests per second: 12.5, and 120."""
    # From a hundred on a tenth is of no interest.
    return f"{per_s:,.0f}" if per_s >= 100 else f"{per_s:.1f}".removesuffix(".0")  # noqa: PLR2004 - see above
