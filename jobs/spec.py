"""The job as one frozen, validated value: everything a run is told, except credentials."""

import re
from enum import StrEnum
from typing import Self

import msgspec

from jobs.endpoint import parse_endpoint
from jobs.rate import Rate
from jobs.regions import endpoint_for
from jobs.rules import KEY_PATTERN, PROJECT_PATTERN, project_fault

# Seconds in thirty years stand for "for ever": infinity cannot be stored in a ledger.
_MOST = 1_000_000_000


class SpecError(ValueError):
    """An option cannot be used as given; `option` is its name on the command line."""

    def __init__(self, option: str, reason: str) -> None:
        super().__init__(f"--{option}: {reason}")
        self.option = option
        self.reason = reason


class UsageError(Exception):
    """The command cannot do what it is asked; nothing was sent."""


class Auth(StrEnum):
    """Where the credential comes from."""

    AUTO = "auto"
    TOKEN = "token"  # noqa: S105 - the name of a way to log in, not a token
    AKSK = "aksk"
    IAM = "iam"
    ECS = "ecs"


class FailureLimit(msgspec.Struct, frozen=True):
    """How many rows may fail before a run stops: a count, or a percentage of the rows attempted."""

    count: int | None = None
    percent: float | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads `N` or `N%`.

        Raises:
            ValueError: neither, or a percentage above 100.
        """
        match = re.fullmatch(r"([0-9]{1,9})|([0-9]{1,3}(?:\.[0-9]+)?)%", text.strip())
        if match is None or (match[2] and float(match[2]) > 100):  # noqa: PLR2004 - a whole has 100 percent
            raise ValueError(f"{text!r} is neither a number of rows nor a percentage")
        return cls(count=int(match[1])) if match[1] else cls(percent=float(match[2]))

    def __str__(self) -> str:
        return f"{self.percent:g}%" if self.count is None else str(self.count)


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How hard a run may push and when it gives up; all of it may be changed when a run is resumed."""

    rate: Rate = Rate(10.0)
    burst: int = 1
    concurrency: int = 32
    max_attempts: int = 8
    timeout_s: float = 60.0
    max_outage_s: float = 600.0
    max_failures: FailureLimit | None = None
    max_duration_s: float | None = None
    grace_s: float = 20.0

    def __post_init__(self) -> None:
        """Refuses what no run could work with.

        Raises:
            SpecError: a number out of its range.
        """
        floors = (
            ("burst", self.burst, 1),
            ("concurrency", self.concurrency, 1),
            ("max-attempts", self.max_attempts, 1),
            ("timeout", self.timeout_s, 1),
            ("max-outage", self.max_outage_s, 0),
            ("grace", self.grace_s, 0),
            ("max-duration", 1 if self.max_duration_s is None else self.max_duration_s, 1),
        )
        for option, value, least in floors:
            if not value >= least:
                raise SpecError(option, f"{value:g} is too small, the least is {least:g}")
            if value > _MOST:
                raise SpecError(option, f"{value:g} is too large, the most is {_MOST:g}")


class JobSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What one run is asked to do. It is stored in the ledger, so it holds no credential."""

    endpoint: str | None = None
    region: str | None = None
    project_id: str | None = None
    auth: Auth = Auth.AUTO
    encoding: str = "utf-8"
    strict: bool = False
    key_pattern: str = KEY_PATTERN
    project_pattern: str = PROJECT_PATTERN
    seed: int | None = None
    limits: Limits = Limits()

    def __post_init__(self) -> None:
        """Refuses options that contradict themselves before anything is read.

        Raises:
            SpecError: an endpoint, pattern or project that cannot be used.
        """
        for option, pattern in (("key-pattern", self.key_pattern), ("project-pattern", self.project_pattern)):
            try:
                re.compile(pattern)
            except re.error as error:
                raise SpecError(option, f"not a regular expression: {error}") from error
        if self.endpoint is not None:
            try:
                normal = parse_endpoint(self.endpoint)
            except ValueError as error:
                raise SpecError("endpoint", str(error)) from error
            if normal != self.endpoint:
                msgspec.structs.force_setattr(self, "endpoint", normal)
        if self.region is not None and self.endpoint is None:
            try:
                endpoint_for(self.region)
            except ValueError as error:
                raise SpecError("region", str(error)) from error
        if self.project_id is not None and (reason := project_fault(self.project_pattern, self.project_id)):
            raise SpecError("project-id", reason)
