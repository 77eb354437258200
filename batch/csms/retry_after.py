"""Reads the header Retry-After (RFC 9110 10.2.3): how long a service asks to be left alone."""

import math
import re
from datetime import UTC
from email.utils import parsedate_to_datetime

LONGEST_S = 300.0
"""Whatever it asks for, it is asked again after this."""
_SECONDS = re.compile(r"\s*([0-9]+(?:\.[0-9]*)?)\s*(?:,|$)")
# A date has a comma behind the day of the week, but for the old form of C's asctime.
_DATE = re.compile(r"\s*((?:[A-Za-z]+,)?[^,]+)")


def retry_after_s(value: str | None, *, date: str | None, came_s: float | None) -> float | None:
    """Whole seconds to wait, at most 300; None where the header says nothing usable. Of a list the first counts.

    A date is measured against the answer's own Date, because the local clock may be wrong; where there is none, against
    the moment `came_s` (UTC seconds since 1970) when the answer came.
    """
    if value is None:
        return None
    if seconds := _SECONDS.match(value):
        return float(math.ceil(min(float(seconds[1]), LONGEST_S)))
    until_s, sent_s = _date_s(value), _date_s(date)
    since_s = came_s if sent_s is None else sent_s
    if until_s is None or since_s is None:
        return None
    return float(math.ceil(min(max(until_s - since_s, 0.0), LONGEST_S)))


def _date_s(value: str | None) -> float | None:
    first = _DATE.match(value or "")
    try:
        moment = parsedate_to_datetime(first[1]) if first else None
        # HTTP knows no time but GMT; one of its three forms does not say so.
        return None if moment is None else (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
