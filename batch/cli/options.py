"""The command line's options as values, and what they make of a job."""

from collections.abc import Callable
from dataclasses import dataclass, field, make_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from cyclopts import Parameter

from jobs.options import OptionField, options_in, spelled, word
from jobs.spec import Auth, JobSpec, Limits, SpecError

T = TypeVar("T")
# A lone dash is standard input, not an option.
ManifestPath = Annotated[str, Parameter(allow_leading_hyphen=True)]
JobFile = Annotated[Path | None, Parameter(name="--job", help="TOML file with options of this command.")]


def with_options_of(part: type[msgspec.Struct]) -> Callable[[type[T]], type[T]]:
    """Gives a class every option that a part of a job has; None, its default, leaves that part as it is."""

    def extended(cls: type[T]) -> type[T]:
        kinds = {one: str if hasattr(one.kind, "parse") else one.kind for one in options_in(part)}
        options = [(_key(one), kind | None, field(default=None, metadata=_told(one))) for one, kind in kinds.items()]
        namespace = {"__module__": cls.__module__, "__doc__": cls.__doc__}
        return make_dataclass(cls.__name__, options, bases=(cls,), namespace=namespace, frozen=True)

    return extended


def _key(one: OptionField) -> str:
    return spelled(one.name).replace("-", "_")


def _told(one: OptionField) -> dict[str, str]:
    unset = one.option.unset or ("" if one.default is None else word(one.default))
    return {"help": f"{one.option.help} [default: {unset}]" if unset else one.option.help}


@Parameter(name="*")
@with_options_of(Limits)
class LimitOptions:
    """How hard to push, and when to give up. Unset options keep their default or, on resume, the job's value."""


@Parameter(name="*")
@with_options_of(JobSpec)
class ManifestOptions:
    """Where the secrets are, and how the manifest is to be read."""


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
    """Serve Prometheus metrics on this port of 127.0.0.1 while the run is active."""
    metrics_textfile: Path | None = None
    """Write Prometheus metrics of the run that has ended to this file."""
    notify_url: str | None = None
    """Post summary.json there at the end: https, or http to this machine."""
    wait: float = 0.0
    """Seconds to wait for another run that works on the same project or directory."""
    lock_dir: Path | None = None
    """Folder of the locks that keep two runs off one project. [default: /run/lock, or the user's state folder]"""
    allow_network_fs: bool = False
    """Keep the ledger on NFS, SMB, FUSE and the like all the same."""


SOURCE, LIMITS, AUTH, SESSION = ManifestOptions(), LimitOptions(), AuthOptions(), SessionOptions()
"""What a command is given where the command line says nothing."""


def limits_of(options: LimitOptions, base: Limits) -> Limits:
    """The limits of a job with what the options change.

    Raises:
        SpecError: an option cannot be used.
    """
    return msgspec.structs.replace(base, **_given(options, Limits))


def spec_of(manifest: ManifestOptions, limits: LimitOptions, auth: AuthOptions) -> JobSpec:
    """The job that the options ask for.

    Raises:
        SpecError: an option cannot be used.
    """
    limited = limits_of(limits, Limits())
    return JobSpec(**_given(manifest, JobSpec), auth=auth.auth or Auth.AUTO, limits=limited)


def _given(options: object, part: type[msgspec.Struct]) -> dict[str, Any]:
    values = {}
    for one in options_in(part):
        if (value := getattr(options, _key(one))) is not None:
            try:
                values[one.name] = one.kind.parse(value) if hasattr(one.kind, "parse") else value
            except ValueError as error:
                raise SpecError(spelled(one.name), str(error)) from error
    return values
