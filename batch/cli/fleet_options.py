"""The options of `fleet run` that no other command has."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from batch.cli.options import LOGIN
from jobs.spec import Auth


@Parameter(name="*", group=LOGIN)
@dataclass(frozen=True, kw_only=True)
class FleetLoginOptions:
    """How the workers of a fleet log in, with credentials that they have themselves."""

    auth: Auth | None = None
    """Kind of login. [default: auto]"""
    agency: str | None = None
    """Agency to assume with that login."""
    agency_domain: str | None = None
    """Account that owns the agency."""
    profile: str | None = None
    """Profile of ~/.huaweicloud/credentials, or of KooCLI's file. [default: basic]"""
    accounts: Path | None = None
    """TOML file that says which login each account of the manifest's column account has; each worker reads its own."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ClusterOptions:
    """Where a campaign runs."""

    dir: str
    """Campaign folder: a shared path, or a URI such as s3://bucket/x."""
    scheduler: str | None = None
    """Address of the scheduler: tls://HOST:PORT. [default: only make the folder]"""
    security_dir: Path | None = None
    """Folder with ca.pem, cert.pem, key.pem. [default: Dask's own]"""
    shards: int | None = None
    """Number of shards. [default: 1 per thread, at most 1 per project]"""
    into: Path | None = None
    """Directory for the merged report. [default: no report]"""
    progress: Literal["auto", "off"] = "auto"
    """auto, or off for plain lines."""
    lease_times: Annotated[str | None, Parameter(show=False)] = None


FLEET_LOGIN = FleetLoginOptions()
