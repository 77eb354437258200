"""Options of a sandbox started from a command line."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, Token

from batch.sandbox.chance import KINDS, parse_odds
from batch.sandbox.checks import AuthMode
from batch.sandbox.lists import MAX_PAGE, Markers
from batch.sandbox.metadata import MetadataMode
from batch.sandbox.quota import parse_pace, parse_rate, parse_rival
from batch.sandbox.rights import parse_rights
from batch.sandbox.variety import parse_mix
from jobs.duration import duration_text, parse_duration

_MAX_PORT = 65_535
_MOST_VERSIONS = 20


def _seconds(_kind: object, tokens: Sequence[Token]) -> float:
    return parse_duration(tokens[0].value)


def _milliseconds(_kind: object, tokens: Sequence[Token]) -> float:
    """Of this one option a number alone is milliseconds."""
    text = tokens[0].value.strip()
    return parse_duration(f"{text}ms" if text[-1:].isdigit() else text) * 1_000


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxOptions:
    """The options of one sandbox.

    Raises:
        ValueError: an option makes no sense; the message names it and says why.
    """

    port: int = 0
    """Port on 127.0.0.1; 0 takes a free one."""
    secrets: int = 500
    """Secrets in all."""
    projects: int = 1
    """Projects they are spread over."""
    versions: int | None = None
    """Versions of each secret at the start, at most 20. [default: from 1 to 3]"""
    keep_versions: int = 20
    """Versions that are kept of each secret; beyond that the oldest without a stage goes."""
    new_versions: Annotated[
        str | None,
        Parameter(
            help="How often someone else makes a new version of some secret, on the key that it has then: 5/m."
            " [default: never]"
        ),
    ] = None
    mix: Annotated[
        tuple[str, ...],
        Parameter(
            negative="",
            help="KIND=SHARE of the secrets that are unlike the others, e.g. frozen=2%: pending-delete, frozen,"
            " disabled, rotating (by the service itself), hidden (in no list, as of an enterprise project), staged (the"
            " oldest version has a custom stage); may be given several times.",
        ),
    ] = ()
    rate_limit: str | None = None
    """Quota of each project: 20/s, 300/m, 200/5m. [default: none]"""
    rival: Annotated[
        str | None,
        Parameter(
            help="Another client that takes this much of each project's quota and never slows down: 10/s; needs"
            " --rate-limit. [default: none]"
        ),
    ] = None
    faults: Annotated[
        tuple[str, ...],
        Parameter(
            name="--fault",
            negative="",
            help="KIND=SHARE of all requests, e.g. 504=2% or 504=0.02, reset=1%; may be given several times. Kinds:"
            f" {', '.join(sorted(KINDS))}.",
        ),
    ] = ()
    markers: Annotated[
        Markers,
        Parameter(
            help="What the marker of a page is: its last item, and the next page begins behind it (exclusive) or with"
            " it (inclusive); the first item of the next page (next); or a page has none, and is followed up by its"
            " last item (none)."
        ),
    ] = Markers.EXCLUSIVE
    page_size: int = MAX_PAGE
    """The most that a page of a list has, whatever is asked for."""
    deny: Annotated[tuple[str, ...], Parameter(negative="")] = ()
    """A right that the login lacks, e.g. kms:cmk:get or csms:secret:listVersion; may be given several times."""
    latency_ms: Annotated[float, Parameter(name="--latency", converter=_milliseconds, show_default=False)] = 0.0
    """Time before each answer: 250ms, 1.5s; a number alone is milliseconds. [default: none]"""
    seed: int = 7
    """Makes the same secrets and the same faults again."""
    log: Path | None = None
    """File for one JSON line per request."""
    manifest: Path | None = None
    """New file to write a manifest of all secrets to."""
    auth: AuthMode = AuthMode.STRICT
    """Who is let in: tokens and signatures, verified; only one of the two; or any signature of a known key."""
    token_life_s: Annotated[float, Parameter(name="--token-life", converter=_seconds, show_default=duration_text)] = (
        86_400.0
    )
    """Lifetime of a token, e.g. 90s or 24h."""
    token_uses: int | None = None
    """Requests after which a token expires. [default: any number]"""
    key_life_s: Annotated[float, Parameter(name="--key-life", converter=_seconds, show_default=duration_text)] = (
        86_400.0
    )
    """Longest lifetime of temporary keys."""
    revoke_after: int | None = None
    """Requests after which every credential is taken back. [default: never]"""
    metadata: MetadataMode = MetadataMode.TOKEN
    """Whether the ECS metadata service wants a token, or has no agency."""

    def __post_init__(self) -> None:
        if not 0 <= self.port <= _MAX_PORT:
            raise ValueError(f"port {self.port} is not from 0 to {_MAX_PORT}")
        if self.secrets < 0:
            raise ValueError(f"secrets {self.secrets} is less than 0")
        if self.projects < 1:
            raise ValueError(f"projects {self.projects} is less than 1")
        if not (math.isfinite(self.latency_ms) and self.latency_ms >= 0):
            raise ValueError(f"latency {self.latency_ms} is not a number of milliseconds from 0")
        for name, least in (("token_life_s", 0.0), ("key_life_s", 0.0), ("token_uses", 1), ("revoke_after", 0)):
            value = getattr(self, name)
            if value is not None and not value >= least:
                raise ValueError(f"{name} {value} is less than {least:g}")
        self._check_lists()
        self._check_texts()

    def _check_lists(self) -> None:
        bounds: tuple[tuple[str, int | None, int, int], ...] = (
            ("versions", self.versions, 1, _MOST_VERSIONS),
            ("keep versions", self.keep_versions, 2, _MOST_VERSIONS),
            ("page size", self.page_size, 2, MAX_PAGE),
        )
        for name, value, least, most in bounds:
            if value is not None and not least <= value <= most:
                raise ValueError(f"{name} {value} is not from {least} to {most}")

    def _check_texts(self) -> None:
        if self.rate_limit is not None:
            parse_rate(self.rate_limit)
        if self.rival is not None:
            parse_rival(self.rival)
            if self.rate_limit is None:
                raise ValueError("rival needs a rate limit (--rate-limit): that is the quota it shares")
        if self.new_versions is not None:
            parse_pace(self.new_versions, "new versions")
        parse_odds(self.faults)
        parse_mix(self.mix)
        parse_rights(self.deny)
