"""What became of a run's requests, in words: which failed, which were refused, and what that cost."""

import math
from collections.abc import Iterator

import msgspec

from jobs.printable import printable
from jobs.rate import Rate
from reports.screen.amounts import share, span
from reports.summary.schema import Summary

_WORTH_A_WORD = 0.01
_LOWERED = 0.9


class Requests(msgspec.Struct, frozen=True, kw_only=True):
    """The requests of all runs and resumes that got their answer; none where a release did not count them."""

    sent: int
    failed: int
    refused: int


def requests_of(summary: Summary) -> Requests:
    """Their sums over the sessions."""
    return Requests(
        sent=sum(session.requests for session in summary.sessions),
        failed=sum(session.unanswered for session in summary.sessions),
        refused=sum(session.refused for session in summary.sessions),
    )


def slowed_words(summary: Summary) -> str | None:
    """What slowed the run and what that cost, without a full stop; None where nothing is known or worth a word."""
    requests = requests_of(summary)
    sent, failed, refused = requests.sent, requests.failed, requests.refused
    parts = []
    of_all = f" of {sent:,} requests" if sent != 1 else " of 1 request"
    if sent and failed >= _WORTH_A_WORD * sent:
        code = max(summary.sessions, key=lambda session: session.unanswered).code
        with_code = f" (mostly {printable(code)})" if code else ""
        parts.append(f"{share(failed / sent)}{of_all} failed{with_code}")
    if sent and refused >= _WORTH_A_WORD * sent:
        parts.append(f"{share(refused / sent)}{'' if parts else of_all} were refused for their rate")
    sentences = [", and ".join(parts)] if parts else []
    # The time of a session that was killed is not known, so it would be too short for the requests of all.
    known = all(session.ended_at is not None for session in summary.sessions)
    if parts and known and (wall_s := summary.timing.wall_s):
        # The whole is rounded as where the page names it alone: a second more would look like a mistake.
        whole = span(max(1, round(wall_s)))
        sentences.append(f"this cost about {span(wall_s * (failed + refused) / sent)} of {whole}")
    return "; ".join([*sentences, *_lowered(summary)]) or None


def _lowered(summary: Summary) -> Iterator[str]:
    """Yields how much slower than asked for the only project of the only session was allowed to be."""
    asked_per_s = Rate.parse(summary.job.rate).per_s
    found = [one.allowed_per_s for one in summary.over_time.intervals if one.allowed_per_s is not None]
    if len(summary.sessions) == len(summary.scopes) == 1 and found:
        allowed_per_s = sum(found) / len(found)
        if allowed_per_s < _LOWERED * asked_per_s < math.inf:
            yield f"the rate was {allowed_per_s:.1f}/s on average of the {asked_per_s:g}/s asked for"


def part_words(part: int, whole: int) -> str:
    """A part of all requests: 428 (30 %)."""
    return f"{part:,} ({share(part / whole)})" if part else "0"
