"""`retire.json`: whether the old keys may be retired, for machines."""

from typing import Literal

import msgspec

from jobs.retirement import GapKind, Todo, Uses, Verdict
from reports.summary.schema import FileFacts

DOCUMENT, USES, PAGE = "retire.json", "key-use.csv", "retire.html"
NOT_SEEN = (
    "other services that use the key, such as disks, buckets and databases",
    "other projects and other accounts, also where they were granted the key",
    "secrets that no list shows to this login and no run knows",
    "what changes after the last list",
)
"""What no answer of this command covers."""


def not_seen(shard: str | None) -> tuple[str, ...]:
    """The same for the answer of a shard."""
    return NOT_SEEN if shard is None else (f"the projects of all other shards, as this is shard {shard}", *NOT_SEEN)


class KeyState(msgspec.Struct, frozen=True, kw_only=True):
    """What KMS says of a key in one project, in words: its state, "not found here", or why it was "not checked"."""

    project_id: str
    region: str | None
    state: str
    alias: str = ""
    default: bool = False


class KeyResult(msgspec.Struct, frozen=True, kw_only=True):
    """One old key: the verdict, in one sentence too, and what was seen to use it."""

    kms_key_id: str
    verdict: Verdict
    sentence: str
    uses: Uses
    states: tuple[KeyState, ...]


class NotRead(msgspec.Struct, frozen=True, kw_only=True):
    """What was not seen of a project, for one kind of reason: so many secrets, a few of them by name, and in words."""

    kind: GapKind
    secrets: int
    samples: tuple[str, ...]
    words: str


class ProjectResult(msgspec.Struct, frozen=True, kw_only=True):
    """One project: how many secrets and versions were seen, and how many use one of the keys. It was read whole where
    nothing is `not_read`.
    """

    endpoint: str
    project_id: str
    region: str | None
    account: str | None
    secrets: int
    versions: int
    uses: Uses
    not_read: tuple[NotRead, ...]


class TodoCount(msgspec.Struct, frozen=True, kw_only=True):
    """What to do about so many secrets, a few of them by name."""

    todo: Todo
    secrets: int
    samples: tuple[str, ...]


class OwnerResult(msgspec.Struct, frozen=True, kw_only=True):
    """The secrets of one owner, as the manifest of the run names them; empty where it names none."""

    owner: str
    secrets: int
    todos: tuple[TodoCount, ...]


class Retirement(msgspec.Struct, frozen=True, kw_only=True):
    """All of it. `run_dir` is the run whose old keys these are, `asked_by` names the users with their logins, `stopped`
    says why not everything was looked at, and `owner_column` where the owners come from. The owners with the most
    secrets are listed, and there are `more_owners`. Of a `shard` nothing follows for the projects of the others.
    """

    schema: Literal["csms-rekey/retire/2"] = "csms-rekey/retire/2"
    version: str
    verdict: Verdict
    exit_code: int
    sentence: str
    run_dir: str | None = None
    stopped: str | None = None
    started_at: str
    ended_at: str
    requests: int
    asked_by: str = ""
    secrets: int
    versions: int
    keys: tuple[KeyResult, ...]
    projects: tuple[ProjectResult, ...]
    owner_column: str | None = None
    owners: tuple[OwnerResult, ...] = ()
    more_owners: int = 0
    shard: str | None = None
    not_seen: tuple[str, ...] = NOT_SEEN
    files: tuple[FileFacts, ...] = ()


def retirement_json(document: Retirement) -> bytes:
    """The content of its file, which is also printed."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"
