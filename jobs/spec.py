"""The job as one frozen, validated value: everything that a run needs, except credentials."""

import re
from enum import StrEnum
from typing import Annotated, Self

import msgspec

from jobs.delimiter import Delimiter
from jobs.duration import plain_number
from jobs.endpoint import parse_endpoint
from jobs.options import Option, Word, options_in, spelled, word
from jobs.rate import Rate
from jobs.regions import endpoint_for
from jobs.rules import KEY_PATTERN, PROJECT_PATTERN, project_fault
from jobs.shard import Shard, ShardBy

# Seconds in thirty years stand for "for ever": infinity cannot be stored in a ledger.
_MOST = 1_000_000_000


class SpecError(ValueError):
    """An option cannot be used as given; `option` is its name on the command line."""

    def __init__(self, option: str, reason: str) -> None:
        super().__init__(f"--{option}: {reason}")
        self.option = option


class UsageError(Exception):
    """The command cannot do what it is asked; nothing was sent."""


class Auth(StrEnum):
    """Where the credential comes from."""

    AUTO = "auto"
    TOKEN = "token"  # noqa: S105 - the name of a way to log in, not a token
    AKSK = "aksk"
    IAM = "iam"
    ECS = "ecs"
    POD = "pod"
    OIDC = "oidc"
    FEDERATED = "federated"


class Agency(msgspec.Struct, frozen=True, kw_only=True):
    """An agency that a login takes on: its name, and the account (called domain by IAM) that it acts for."""

    name: str
    domain: str


class AccountsFile(msgspec.Struct, frozen=True, kw_only=True):
    """The file that says which login each account has, and the accounts that it names."""

    path: str
    names: tuple[str, ...]


class Before(Word):
    """How the key before becomes known, which a secret shows before its first PUT."""

    LIST = "list"
    """By a list of the project's secrets, and by a read of each secret that it does not show."""
    OFF = "off"
    """Only where a secret is read for another reason."""


class FailureLimit(msgspec.Struct, frozen=True):
    """How many rows may fail before a run stops: a count, or a percentage of the rows attempted."""

    count: int | None = None
    percent: float | None = None

    def __post_init__(self) -> None:
        """Refuses what is neither, as a damaged ledger may hold it.

        Raises:
            ValueError: not one of the two, or out of its range.
        """
        given = [number for number in (self.count, self.percent) if number is not None]
        if len(given) != 1 or not 0 <= given[0] <= _MOST:
            raise ValueError("neither a number of rows nor a percentage")

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
        return f"{plain_number(self.percent or 0.0)}%" if self.count is None else str(self.count)


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How hard a run may push and when it gives up; all of it may be changed when a run is resumed."""

    rate: Annotated[
        Rate, Option("Requests per project: 10/s, 300/m, 200/5m, unlimited, or auto to find the quota.")
    ] = Rate(10.0)
    burst: Annotated[int, Option("Requests that may be sent back to back after an idle period.", least=1)] = 1
    concurrency: Annotated[int, Option("Maximum requests in flight in total.", least=1)] = 32
    max_attempts: Annotated[int, Option("Maximum PUTs per row.", least=1)] = 8
    timeout_s: Annotated[float, Option("Maximum time for one request, e.g. 60s.", least=1)] = 60.0
    max_outage_s: Annotated[float, Option("Stop after this long without service.", least=0)] = 600.0
    max_failures: Annotated[
        FailureLimit | None, Option("Stop after more failed rows than this: 20, or 5%.", "no limit")
    ] = None
    max_duration_s: Annotated[
        float | None, Option("Start no request after this time, e.g. 4h or 1h30m.", "no limit", least=1)
    ] = None
    soak_s: Annotated[float, Option("Pause between two waves (--wave-by), e.g. 15m.", least=0)] = 0.0
    grace_s: Annotated[float, Option("Time for requests in flight to finish after an interruption.", least=0)] = 20.0

    def __post_init__(self) -> None:
        """Refuses what no run could work with.

        Raises:
            SpecError: a number out of its range.
        """
        _require_ranges(self)


def _require_ranges(part: msgspec.Struct) -> None:
    for field in options_in(type(part)):
        value, least = getattr(part, field.name), field.option.least
        if least is None or value is None:
            continue
        shown, bounds = word(field.name, value), (word(field.name, least), word(field.name, _MOST))
        if not value >= least:
            raise SpecError(spelled(field.name), f"{shown} is too small, the least is {bounds[0]}")
        if value > _MOST:
            raise SpecError(spelled(field.name), f"{shown} is too large, the most is {bounds[1]}")


class JobSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What one run is asked to do. It is stored in the ledger, so it holds no credential."""

    endpoint: Annotated[str | None, Option("Base URL of the service; overrides the region's.")] = None
    region: Annotated[str | None, Option("Region for rows without one, e.g. cn-north-4.")] = None
    project_id: Annotated[str | None, Option("Project for rows without one.")] = None
    auth: Auth = Auth.AUTO
    agency: Agency | None = None
    profile: str | None = None
    accounts: AccountsFile | None = None
    encoding: Annotated[str, Option("Encoding of a text manifest; never guessed.")] = "utf-8"
    delimiter: Annotated[
        Delimiter | None,
        Option(f"Field separator of a text manifest: {', '.join(Delimiter)}.", "a tab in .tsv, else a comma"),
    ] = None
    only: Annotated[tuple[str, ...], Option("Select secrets by name, e.g. 'db-*'; repeatable.")] = ()
    exclude: Annotated[tuple[str, ...], Option("Leave out secrets by name; repeatable.")] = ()
    limit: Annotated[
        int | None, Option("Select only the first N of these; resume lifts this.", "no limit", least=1)
    ] = None
    before: Annotated[
        Before, Option("list: record the current key of each secret first, so that it can be moved back; or off.")
    ] = Before.LIST
    wave_by: Annotated[str | None, Option("Column of waves; each is done before the next begins.", "no waves")] = None
    shard: Annotated[
        Shard | None, Option("Work only on part I of N, counted from 0. Parts are whole projects.", "all")
    ] = None
    shard_by: Annotated[ShardBy, Option("What a part keeps whole: project, or account with all its projects.")] = (
        ShardBy.PROJECT
    )
    strict: Annotated[bool, Option("Send nothing if any row is invalid.")] = False
    key_pattern: Annotated[str, Option("Regular expression for key ids.", "a UUID or 32 hex digits")] = KEY_PATTERN
    project_pattern: Annotated[str, Option("Regular expression for project ids.", "32 hex digits")] = PROJECT_PATTERN
    limits: Limits = Limits()
    project_found: bool = False
    """The project is the login's own: none was given."""

    def __post_init__(self) -> None:
        """Refuses options that contradict themselves before anything is read.

        Raises:
            SpecError: an endpoint, pattern, number or project that cannot be used.
        """
        _require_ranges(self)
        _refuse_odd_texts(self)
        _refuse_odd_parts(self)
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

    @property
    def whole(self) -> Self:
        """The same job without shards."""
        return msgspec.structs.replace(self, shard=None, shard_by=ShardBy.PROJECT)


def _refuse_odd_parts(spec: JobSpec) -> None:
    if spec.wave_by is not None and not spec.wave_by.strip():
        raise SpecError("wave-by", "names no column")
    if spec.wave_by is not None and spec.shard is not None:
        raise SpecError("shard", "waves go over all projects, and a shard knows nothing of the others")
    if spec.shard_by is not ShardBy.PROJECT and spec.shard is None:
        raise SpecError("shard-by", "there are no shards: say --shard I/N")
    if spec.limits.soak_s and spec.wave_by is None:
        raise SpecError("soak", "there are no waves: say --wave-by COLUMN")


def _refuse_odd_texts(spec: JobSpec) -> None:
    """What is not UTF-8 can stand in no ledger."""
    for one in options_in(JobSpec):
        text = str(getattr(spec, one.name))
        if text != text.encode("utf-8", "replace").decode():
            raise SpecError(spelled(one.name), f"{text!a} is not UTF-8")
