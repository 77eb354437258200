"""The command line's options as values, and what they make of a job."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from cyclopts import Group, Parameter, Token

from batch.cli.job_options import option_key, with_options_of
from jobs.accounts import accounts_file
from jobs.duration import duration_text, parse_duration
from jobs.options import options_in, spelled
from jobs.spec import Auth, JobSpec, Limits, SpecError

# A lone dash is standard input, not an option.
ManifestPath = Annotated[str, Parameter(allow_leading_hyphen=True)]
JobFile = Annotated[Path | None, Parameter(name="--job", help="TOML file with options of this command.")]


def _seconds(_kind: object, tokens: Sequence[Token]) -> float:
    return parse_duration(tokens[0].value)


_MANIFEST, _LIMITS, _LOGIN, _OUTPUT = (
    Group(name, sort_key=at) for at, name in enumerate(("Manifest", "Limits", "Login", "Output"), start=1)
)


@Parameter(name="*", group=_LIMITS)
@with_options_of(Limits)
class LimitOptions:
    """How hard to push, and when to give up."""


@Parameter(name="*", group=_LIMITS)
@with_options_of(Limits, unset="the job's")
class ResumedLimitOptions(LimitOptions):
    """The same for a job that has its limits: options that are not given leave them as they are."""


@Parameter(name="*", group=_MANIFEST)
@with_options_of(JobSpec)
class ManifestOptions:
    """Where the secrets are, and how the manifest is to be read."""


@Parameter(name="*", group=_MANIFEST)
@with_options_of(
    JobSpec,
    only=frozenset(
        {
            "endpoint",
            "region",
            "project_id",
            "project_pattern",
            "key_pattern",
            "encoding",
            "delimiter",
            "only",
            "exclude",
        }
    ),
)
class PlaceOptions:
    """Where the secrets are, for a command that may read a manifest for its projects alone."""


@Parameter(name="*", group=_MANIFEST)
@with_options_of(JobSpec, only=frozenset({"endpoint", "region", "project_pattern", "key_pattern"}))
@dataclass(frozen=True, kw_only=True)
class ProjectsOptions:
    """Where the secrets are, for a command that looks at any number of projects."""

    project_id: Annotated[tuple[str, ...] | None, Parameter(negative=())] = None
    """Project to look at; may be repeated. [default: the login's own]"""
    all_projects: Annotated[bool, Parameter(negative="")] = False
    """Look at every project that IAM lists for the login, in every region that is known or in --region."""


@Parameter(name="*", group=_MANIFEST)
@with_options_of(JobSpec, only=frozenset({"only", "exclude", "encoding", "delimiter", "strict"}))
@dataclass(frozen=True, kw_only=True)
class PlanOptions(ProjectsOptions):
    """The same for a plan, which may read a manifest or a key map."""

    old_key: Annotated[tuple[str, ...] | None, Parameter(negative=())] = None
    """Key that secrets are to leave; may be repeated, each with its --new-key."""
    new_key: Annotated[tuple[str, ...] | None, Parameter(negative=())] = None
    """Key that secrets of the --old-key at the same place get."""
    key_map: Path | None = None
    """File of such pairs: columns old_kms_key_id, new_kms_key_id, and optional project_id, region."""


@Parameter(name="*", group=_MANIFEST)
@dataclass(frozen=True, kw_only=True)
class RetireOptions(ProjectsOptions):
    """The same for a command that asks who needs a key."""

    old_key: Annotated[tuple[str, ...] | None, Parameter(negative=())] = None
    """Key that is to be retired; may be repeated. [default: the old keys of RUN_DIR]"""
    owner_column: str = "owner"
    """Column of the run's manifest that says whose a secret is."""


@Parameter(name="*", group=_LOGIN)
@dataclass(frozen=True, kw_only=True)
class AuthOptions:
    """How to log in. Credentials themselves never come on the command line."""

    auth: Auth | None = None
    """Kind of credential. [default: auto, or on resume the job's]"""
    agency: str | None = None
    """Agency to take on with that login. [default: none, or on resume the job's]"""
    agency_domain: str | None = None
    """Account whose agency it is."""
    profile: str | None = None
    """Profile of ~/.huaweicloud/credentials, or of KooCLI's file. [default: basic, or on resume the job's]"""
    accounts: Path | None = None
    """TOML file that says which login each account of the manifest's column account has."""
    token_file: Path | None = None
    """File with an IAM token, readable by its owner only; or set CSMS_REKEY_TOKEN."""
    ca_file: Path | None = None
    """PEM file of the authorities to trust in place of the system's."""
    proxy: str | None = None
    """HTTP proxy, http://HOST:PORT. [default: none, whatever the environment says]"""


@Parameter(name="*", group=_OUTPUT)
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
    """Serve Prometheus metrics on this port of 127.0.0.1 while the run is active."""
    metrics_textfile: Path | None = None
    """Write Prometheus metrics of the run that has ended to this file."""
    notify_url: str | None = None
    """Post summary.json there at the end: https, or http to this machine."""
    notify_format: Literal["summary", "text"] = "summary"
    """summary, or text for the hook of a chat: a short message as {"text": "..."}, without names of secrets."""
    between: str | None = None
    """Shell command that is run between two waves (--wave-by); only exit code 0 lets the next one begin."""
    wait: Annotated[float, Parameter(converter=_seconds, show_default=duration_text)] = 0.0
    """How long to wait for another run that works on the same project or directory, e.g. 10m."""
    lock_dir: Path | None = None
    """Folder of the locks that keep two runs off one project. [default: /run/lock, or the user's state folder]"""
    allow_network_fs: bool = False
    """Keep the ledger on NFS, SMB, FUSE and the like all the same."""


@Parameter(name="*", group=_OUTPUT)
@dataclass(frozen=True, kw_only=True)
class LookOptions:
    """What happens around a command that only looks."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """debug, info, warning or error; for run.log."""
    json: Annotated[bool, Parameter(name="--json", negative="")] = False
    """Print the result as JSON on stdout, and nothing else there."""
    wait: Annotated[float, Parameter(converter=_seconds, show_default=duration_text)] = 0.0
    """How long to wait for a run that works on the same project or directory, e.g. 10m."""
    lock_dir: Path | None = None
    """Folder of the locks that keep two runs off one project. [default: /run/lock, or the user's state folder]"""
    allow_network_fs: bool = False
    """Keep what was seen on NFS, SMB, FUSE and the like all the same."""


SOURCE, LIMITS, AUTH, SESSION = ManifestOptions(), LimitOptions(), AuthOptions(), SessionOptions()
PLACE, RESUMED, LOOK, PLAN = PlaceOptions(), ResumedLimitOptions(), LookOptions(), PlanOptions()
RETIRE = RetireOptions()
"""What a command is given where the command line says nothing."""

_OPTIONS: tuple[Any, ...] = (LimitOptions, ManifestOptions, AuthOptions, SessionOptions, LookOptions, PlanOptions)
_ALONE = {"run_dir", "failed", "yes", "plan_sha256", "junit", "job", "out", "owner_column"} | {
    "dir",
    "work",
    "tied",
    "lease_times",
}
OPTIONS = frozenset(_ALONE | {one.name for options in _OPTIONS for one in fields(options)})
"""Every option of every command that takes some from the environment or a job file."""


def limits_of(options: LimitOptions, base: Limits) -> Limits:
    """The limits of a job with what the options change.

    Raises:
        SpecError: an option cannot be used.
    """
    return msgspec.structs.replace(base, **_given(options, Limits))


def spec_of(
    manifest: ManifestOptions | PlaceOptions | ProjectsOptions, limits: LimitOptions, auth: AuthOptions
) -> JobSpec:
    """The job that the options ask for.

    Raises:
        SpecError: an option cannot be used.
    """
    limited, given = limits_of(limits, Limits()), _given(manifest, JobSpec)
    if isinstance(manifest, ProjectsOptions):
        given.pop("project_id", None)
    return JobSpec(
        **given,
        auth=auth.auth or Auth.AUTO,
        profile=auth.profile,
        accounts=accounts_file(auth.accounts),
        limits=limited,
    )


def job_with(options: ManifestOptions, base: JobSpec) -> JobSpec:
    """A job with what the options change.

    Raises:
        SpecError: an option cannot be used.
    """
    return msgspec.structs.replace(base, **_given(options, JobSpec))


def _given(options: object, part: type[msgspec.Struct]) -> dict[str, Any]:
    values = {}
    for one in options_in(part):
        if (value := getattr(options, option_key(one), None)) is not None:
            try:
                values[one.name] = one.parse(value) if one.parse else value
            except ValueError as error:
                raise SpecError(spelled(one.name), str(error)) from error
    return values
