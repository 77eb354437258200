"""The command line's options as values, and what they make of a job."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from cyclopts import Parameter

from jobs.rate import Rate
from jobs.rules import KEY_PATTERN, PROJECT_PATTERN
from jobs.spec import Auth, FailureLimit, JobSpec, Limits, SpecError

# Option on the command line -> field of `Limits`, where the unit is not part of the option's name.
_LIMIT_FIELDS = {
    "timeout": "timeout_s",
    "max_outage": "max_outage_s",
    "max_duration": "max_duration_s",
    "grace": "grace_s",
}


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class LimitOptions:
    """How hard to push, and when to give up. Unset options keep their default or, on resume, the job's value."""

    rate: str | None = None
    """Requests allowed per project: 10/s, 300/m, 200/5m, unlimited, or auto to find the quota. [default: 10/s]"""
    burst: int | None = None
    """Requests that may leave at once after a pause. [default: 1]"""
    concurrency: int | None = None
    """Open requests at the most, over all projects. [default: 32]"""
    max_attempts: int | None = None
    """PUTs per row at the most. [default: 8]"""
    timeout: float | None = None
    """Seconds one request may take. [default: 60]"""
    max_outage: float | None = None
    """Seconds the service may be down before the run stops. [default: 600]"""
    max_failures: str | None = None
    """Stop when more rows than this failed: N, or N% of those attempted. [default: no limit]"""
    max_duration: float | None = None
    """Seconds after which no more requests are started. [default: no limit]"""
    grace: float | None = None
    """Seconds that requests in flight get when a run is interrupted. [default: 20]"""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ManifestOptions:
    """Where the secrets are, and how the manifest is to be read."""

    endpoint: str | None = None
    """The service's base URL, instead of the one of a region."""
    region: str | None = None
    """Region of rows that name none, e.g. cn-north-4."""
    project_id: str | None = None
    """Project of rows that name none."""
    encoding: str = "utf-8"
    """Encoding of a CSV or TSV manifest; never guessed."""
    strict: bool = False
    """Send nothing at all if any row is invalid."""
    key_pattern: str | None = None
    """Regular expression a key id must match. [default: a UUID or 32 hex digits]"""
    project_pattern: str | None = None
    """Regular expression a project id must match. [default: 32 hex digits]"""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class AuthOptions:
    """How to log in. Credentials themselves never come on the command line."""

    auth: Auth | None = None
    """Kind of credential. [default: auto, or on resume the job's]"""
    token_file: Path | None = None
    """File with an IAM token, readable by its owner only; or set CSMS_REKEY_TOKEN."""
    ca_file: Path | None = None
    """PEM file of the authorities to trust in place of the system's."""
    proxy: str | None = None
    """HTTP proxy, http://HOST:PORT. [default: none, whatever the environment says]"""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class SessionOptions:
    """What goes on around a run."""

    progress: Literal["auto", "off"] = "auto"
    """auto, or off for plain lines."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """debug, info, warning or error; for run.log."""
    json: Annotated[bool, Parameter(name="--json", negative="")] = False
    """Print summary.json on stdout, and nothing else there."""
    metrics_port: int | None = None
    """Serve Prometheus metrics on this port of 127.0.0.1 while the run goes on."""
    metrics_textfile: Path | None = None
    """Write Prometheus metrics of the run that has ended to this file."""
    notify_url: str | None = None
    """Post summary.json there at the end: https, or http to this machine."""
    wait: float = 0.0
    """Seconds to wait for another run that works on the same project or directory."""
    allow_network_fs: bool = False
    """Keep the ledger on NFS, SMB, FUSE and the like all the same."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class SandboxFlags:
    """What the embedded service is like."""

    port: int = 0
    """Port on 127.0.0.1; 0 takes a free one."""
    secrets: int = 500
    """Secrets in all."""
    projects: int = 1
    """Projects they are spread over."""
    rate_limit: str | None = None
    """Quota of each project: 20/s, 300/m, 200/5m. [default: none]"""
    rival: str | None = None
    """Another client of each project's quota that never slows down: 10/s; needs --rate-limit. [default: none]"""
    fault: Annotated[tuple[str, ...], Parameter(negative="")] = ()
    """KIND=SHARE of all requests, e.g. 504=2% or 504=0.02, reset=1%; may be given several times."""
    latency: float = 0.0
    """Milliseconds before each answer."""
    seed: int = 7
    """Makes the same secrets and the same faults again."""
    log: Path | None = None
    """File for one JSON line per request."""
    manifest: Path | None = None
    """New file to write a manifest of all secrets to."""
    auth: Literal["strict", "token", "signed", "lenient"] = "strict"
    """Who is let in: tokens and signatures, verified; only one of the two; or any signature of a known key."""
    token_life: float = 86_400.0
    """Seconds a token is good for."""
    token_uses: int | None = None
    """Requests a token is good for. [default: any number]"""
    key_life: float = 86_400.0
    """Seconds the temporary keys of the metadata service are good for."""
    revoke_after: int | None = None
    """Requests after which every credential is taken back. [default: never]"""
    metadata: Literal["token", "tokenless", "no-agency"] = "token"
    """Whether the ECS metadata service wants a token, or has no agency."""


def limits_of(options: LimitOptions, base: Limits) -> Limits:
    """The limits of a job with what the options change.

    Raises:
        SpecError: an option cannot be used.
    """
    changes: dict[str, Any] = {}
    for field in fields(options):
        value = getattr(options, field.name)
        if value is None:
            continue
        try:
            if field.name == "rate":
                value = Rate.parse(value)
            elif field.name == "max_failures":
                value = FailureLimit.parse(value)
        except ValueError as error:
            raise SpecError(field.name.replace("_", "-"), str(error)) from error
        changes[_LIMIT_FIELDS.get(field.name, field.name)] = value
    return msgspec.structs.replace(base, **changes) if changes else base


def spec_of(manifest: ManifestOptions, limits: LimitOptions, auth: AuthOptions) -> JobSpec:
    """The job that the options ask for.

    Raises:
        SpecError: an option cannot be used.
    """
    return JobSpec(
        endpoint=manifest.endpoint,
        region=manifest.region,
        project_id=manifest.project_id,
        encoding=manifest.encoding,
        strict=manifest.strict,
        auth=auth.auth or Auth.AUTO,
        limits=limits_of(limits, Limits()),
        key_pattern=KEY_PATTERN if manifest.key_pattern is None else manifest.key_pattern,
        project_pattern=PROJECT_PATTERN if manifest.project_pattern is None else manifest.project_pattern,
    )
