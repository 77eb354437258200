"""What a sandbox started from a command line can be told."""

import math
from dataclasses import dataclass
from pathlib import Path

from batch.sandbox.chance import parse_odds
from batch.sandbox.checks import AuthMode
from batch.sandbox.metadata import MetadataMode
from batch.sandbox.quota import parse_rate, parse_rival

_MAX_PORT = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxOptions:
    """The options of one sandbox; `port` 0 takes a free one, `rate_limit` None limits nothing.
    A `rival` uses the same quota of every project, so it needs a `rate_limit`.

    `faults` holds `kind=share` texts, `log` takes the journal and `manifest` a manifest of all secrets.
    `auth` says how far credentials are verified; a token is good for `token_life_s` and for `token_uses` requests,
    temporary keys for `key_life_s`, and after `revoke_after` requests nothing is good any more. `metadata` says whether
    the metadata service wants a token of its own.

    Raises:
        ValueError: an option makes no sense; the message names it and says why.
    """

    port: int = 0
    secrets: int = 500
    projects: int = 1
    rate_limit: str | None = None
    rival: str | None = None
    faults: tuple[str, ...] = ()
    latency_ms: float = 0.0
    seed: int = 7
    log: Path | None = None
    manifest: Path | None = None
    auth: AuthMode = AuthMode.STRICT
    token_life_s: float = 86_400.0
    token_uses: int | None = None
    key_life_s: float = 86_400.0
    revoke_after: int | None = None
    metadata: MetadataMode = MetadataMode.TOKEN

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
        if self.rate_limit is not None:
            parse_rate(self.rate_limit)
        if self.rival is not None:
            parse_rival(self.rival)
            if self.rate_limit is None:
                raise ValueError("rival needs a rate limit (--rate-limit): that is the quota it shares")
        parse_odds(self.faults)
