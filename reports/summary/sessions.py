"""What a summary says of each run and resume, of each target key, and of the keys that the last one left aside."""

import msgspec


class ControlSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A change that was made while a session ran, in the words of the command line."""

    at: str
    words: str


class PlanSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The plan that a run was made of: `sha256` is that of its `plan.json`, the number that an approval names."""

    sha256: str
    made_at: str
    made_by: str


class SessionSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One run or resume. Of its `requests` that got their answer, some were `refused` for their rate and some
    `unanswered`, most of these with `code`: a status such as 504, or a word such as timeout.

    `command`, `release`, `login` (its kind and public name), `os_user` and `host` say who ran it and how, `changed` in
    which options it differs from the job, and `rows_done` how many rows it ended, whatever became of them. They are
    null for a session of a release that did not keep them. In a merged run, `shard` is the index of the one that ran.
    """

    started_at: str
    ended_at: str | None
    exit_code: int | None
    stopped: str | None
    requests: int
    refused: int
    unanswered: int
    code: str | None
    command: str | None = None
    release: str | None = None
    login: str | None = None
    os_user: str | None = None
    host: str | None = None
    changed: str | None = None
    controls: tuple[ControlSummary, ...] = ()
    rows_done: int | None = None
    shard: int | None = None


class KeySummary(msgspec.Struct, frozen=True, kw_only=True):
    """How the rows of one target key stand, in so many `projects`. `old_keys` are those that the secrets showed before
    or, where that is not known, that the manifest expects; `more_old_keys` are not listed. `state` says in words what
    KMS has against the key, if anything.
    """

    kms_key_id: str
    projects: int
    rows: int
    done: int
    fix_first: int
    run_again: int
    left_out: int
    old_keys: tuple[str, ...]
    more_old_keys: int
    state: str | None


class WaveSummary(msgspec.Struct, frozen=True, kw_only=True):
    """How the rows of one wave stand; `name` is the value of its column, empty for rows without one. It started with
    its first request, and ended with the last answer so far. Rows that were left out are not among its `rows`.
    """

    name: str
    rows: int
    done: int
    fix_first: int
    run_again: int
    started_at: str | None
    ended_at: str | None


class ShardSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A shard as it stood when it was merged: `open_rows` had not ended, and `stopped` says why its last session did.
    Its rows count as not attempted where it was `missing`.
    """

    index: int
    rows: int
    open_rows: int
    exit_code: int | None
    stopped: str | None
    missing: bool


class HeldKeySummary(msgspec.Struct, frozen=True, kw_only=True):
    """A KMS key that the service blames, so that `rows` of it were left open, and what it said."""

    project_id: str
    region: str | None
    kms_key_id: str
    reason: str
    rows: int
