"""How long a controller waits, as it follows from the limits of a campaign and the size of its manifest."""

from batch.fleet.actions import Bounds
from batch.fleet.campaign import Campaign

_SLACK_S = 30.0
_GRACE_S = 60.0
"""Time that a child needs after the grace of its requests to write reports; the limit of its last word is separate."""
_START_S = 600.0
_LEAST_OUTAGE_S = 60.0
_BYTES_PER_S = 1_000_000
"""At which a child can fetch a manifest, read it, and write reports about it, in any place worth the name."""


def grace_s_of(job: Campaign) -> float:
    """How long a child that is asked to end may take until its last word."""
    return job.spec.limits.grace_s + _GRACE_S


def bounds_of(job: Campaign, still_s: float) -> Bounds:
    """A lease that stands still for `still_s` and a timeout has no owner any more."""
    limits = job.spec.limits
    size_s = sum(file.size_bytes for file in job.files) / _BYTES_PER_S
    twice_still_s = 2 * (still_s + limits.timeout_s) + _SLACK_S
    return Bounds(
        still_s=twice_still_s,
        start_s=_START_S + twice_still_s + size_s,
        outage_s=max(_LEAST_OUTAGE_S, limits.max_outage_s),
        stop_s=grace_s_of(job) + _SLACK_S + size_s,
    )
