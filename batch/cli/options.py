"""The command line's options as values, and what they make of a job."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Group, Parameter, Token

from batch.cli.job_options import with_options_of
from jobs.duration import duration_text, parse_duration
from jobs.spec import Auth, JobSpec, Limits

# A lone dash is standard input, not an option.
ManifestPath = Annotated[str, Parameter(allow_leading_hyphen=True)]
JobFile = Annotated[Path | None, Parameter(name="--job", help="TOML file with more options.")]


def _seconds(_kind: object, tokens: Sequence[Token]) -> float:
    return parse_duration(tokens[0].value)


_MANIFEST, _LIMITS, LOGIN, _OUTPUT = map(Group.create_ordered, ("Manifest", "Limits", "Login", "Output"))


_OF_PLACES = frozenset({"endpoint", "region", "project_id", "project_pattern", "key_pattern", "encoding", "delimiter"})
_OF_ROWS = _OF_PLACES | {"only", "exclude", "limit", "shard", "shard_by", "strict"}
_OF_PACE = frozenset({"rate", "burst", "concurrency", "timeout_s", "max_outage_s", "max_duration_s", "grace_s"})


@Parameter(name="*", group=_LIMITS)
@with_options_of(Limits, only=_OF_PACE)
class PaceOptions:
    """The limits of a command that only reads."""


@Parameter(name="*", group=_LIMITS)
@with_options_of(Limits)
class LimitOptions(PaceOptions):
    """The limits of a run: how fast it sends, and when it gives up."""


@Parameter(name="*", group=_LIMITS)
@with_options_of(Limits, shown=frozenset({"rate", "soak_s"}))
class CheckedLimitOptions(LimitOptions):
    """The limits of a run for a command that only forecasts it: it lists those that matter, and accepts all."""


@Parameter(name="*", group=_LIMITS)
@with_options_of(Limits, unset="the job's")
class ResumedLimitOptions(LimitOptions):
    """The limits of a job that has its own: those that are not given stay unchanged."""


@Parameter(name="*", group=_MANIFEST)
@with_options_of(JobSpec, only=_OF_ROWS)
class RowsOptions:
    """Where the secrets are and how to read the manifest, for a command that only reads."""


@Parameter(name="*", group=_MANIFEST)
@with_options_of(JobSpec)
class ManifestOptions(RowsOptions):
    """Where the secrets are and how to read the manifest, for a run."""


@Parameter(name="*", group=_MANIFEST)
@with_options_of(JobSpec, only=_OF_PLACES | {"only", "exclude"})
class PlaceOptions:
    """Where the secrets are, for a command that reads a manifest only for its projects."""


@Parameter(name="*", group=_MANIFEST)
@with_options_of(JobSpec, only=frozenset({"endpoint", "region", "project_pattern", "key_pattern", "shard", "shard_by"}))
@dataclass(frozen=True, kw_only=True)
class ProjectsOptions:
    """Where the secrets are, for a command that looks at any number of projects."""

    project_id: Annotated[tuple[str, ...] | None, Parameter(negative=())] = None
    """Project to read; repeatable. [default: the login's own]"""
    all_projects: Annotated[bool, Parameter(negative="")] = False
    """Read every project that IAM lists, in --region or in all."""


@Parameter(name="*", group=_MANIFEST)
@with_options_of(JobSpec, only=frozenset({"only", "exclude", "encoding", "delimiter", "strict"}))
@dataclass(frozen=True, kw_only=True)
class PlanOptions(ProjectsOptions):
    """Where the secrets of a plan are, and which keys they are to leave."""

    old_key: Annotated[tuple[str, ...] | None, Parameter(negative=())] = None
    """Key to move secrets from; repeatable, each with a --new-key."""
    new_key: Annotated[tuple[str, ...] | None, Parameter(negative=())] = None
    """Key to move them to."""
    key_map: Path | None = None
    """File with columns old_kms_key_id, new_kms_key_id."""


@Parameter(name="*", group=_MANIFEST)
@dataclass(frozen=True, kw_only=True)
class RetireOptions(ProjectsOptions):
    """Which keys to retire, and in which projects."""

    old_key: Annotated[tuple[str, ...] | None, Parameter(negative=())] = None
    """Key to retire; repeatable. [default: the old keys of RUN_DIR]"""
    owner_column: str = "owner"
    """Column of the run's manifest that names the owner of a secret."""


@Parameter(name="*", group=LOGIN)
@dataclass(frozen=True, kw_only=True)
class AuthOptions:
    """How to log in. The command line never holds a credential itself."""

    auth: Auth | None = None
    """Kind of login. [default: auto]"""
    agency: str | None = None
    """Agency to assume with that login."""
    agency_domain: str | None = None
    """Account that owns the agency."""
    profile: str | None = None
    """Profile of ~/.huaweicloud/credentials, or of KooCLI's file. [default: basic]"""
    accounts: Path | None = None
    """TOML file with the login of each account in the manifest's account column."""
    token_file: Path | None = None
    """File with an IAM token; or set CSMS_REKEY_TOKEN."""
    ca_file: Path | None = None
    """PEM file of the certificate authorities to trust, instead of the system's."""
    proxy: str | None = None
    """HTTP proxy, http://HOST:PORT; proxy variables of the environment are ignored. [default: none]"""


@Parameter(name="*", group=LOGIN)
@dataclass(frozen=True, kw_only=True)
class ResumedAuthOptions(AuthOptions):
    """How to log in to continue a job, which has a kind of login already."""

    auth: Auth | None = None
    """Kind of login. [default: the job's]"""
    agency: str | None = None
    """Agency to assume with that login. [default: the job's]"""
    profile: str | None = None
    """Profile of ~/.huaweicloud/credentials, or of KooCLI's file. [default: the job's]"""


@Parameter(name="*", group=_OUTPUT)
@dataclass(frozen=True, kw_only=True)
class SessionOptions:
    """What a run shows, writes and waits for."""

    progress: Literal["auto", "off"] = "auto"
    """Live screen where the terminal can show it, or off for plain lines."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least level of the entries in run.log."""
    json: Annotated[bool, Parameter(name="--json", negative="")] = False
    """Print only summary.json on stdout."""
    metrics_port: int | None = None
    """Serve Prometheus metrics on this port of 127.0.0.1 during the run."""
    metrics_textfile: Path | None = None
    """Write Prometheus metrics to this file when the run ends."""
    notify_url: str | None = None
    """POST summary.json to this URL when the run ends: https, or http on this machine."""
    notify_format: Literal["summary", "text"] = "summary"
    """text sends {"text": "..."} to a chat, without names of secrets."""
    between: str | None = None
    """Shell command to run between two waves (--wave-by); the next wave begins only if it exits with 0."""
    wait: Annotated[float, Parameter(converter=_seconds, show_default=duration_text)] = 0.0
    """How long to wait for a lock of another run, e.g. 10m."""
    lock_dir: Path | None = None
    """Folder of the locks that keep two runs off one project. [default: /run/lock, or the user's state folder]"""
    allow_network_fs: bool = False
    """Allow the ledger on a network file system, such as NFS, SMB or FUSE."""


@Parameter(name="*", group=_OUTPUT)
@dataclass(frozen=True, kw_only=True)
class LookOptions:
    """What a command that only reads shows, writes and waits for."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least level of the entries in run.log."""
    json: Annotated[bool, Parameter(name="--json", negative="")] = False
    """Print only the result on stdout, as JSON."""
    wait: Annotated[float, Parameter(converter=_seconds, show_default=duration_text)] = 0.0
    """How long to wait for a lock of another run, e.g. 10m."""
    lock_dir: Path | None = None
    """Folder of the locks that keep two runs off one project. [default: /run/lock, or the user's state folder]"""
    allow_network_fs: bool = False
    """Allow the result on a network file system, such as NFS, SMB or FUSE."""


SOURCE, LIMITS, AUTH, SESSION = ManifestOptions(), LimitOptions(), AuthOptions(), SessionOptions()
ROWS, PLACE, PLAN, RETIRE, LOOK = RowsOptions(), PlaceOptions(), PlanOptions(), RetireOptions(), LookOptions()
PACE, CHECKED, RESUMED, RESUMED_AUTH = PaceOptions(), CheckedLimitOptions(), ResumedLimitOptions(), ResumedAuthOptions()
"""What a command receives where the command line gives nothing."""
_OPTIONS: tuple[Any, ...] = (LimitOptions, ManifestOptions, AuthOptions, SessionOptions, LookOptions, PlanOptions)
_OF_RUNS = {"run_dir", "failed", "yes", "plan_sha256", "junit", "job", "out", "owner_column"}
OF_FLEETS = {"dir", "work", "tied", "scheduler", "security_dir", "shards", "into"}
OPTIONS = frozenset(_OF_RUNS | OF_FLEETS | {one.name for part in _OPTIONS for one in fields(part)})
"""Every option of the commands that read some from the environment or a job file."""
