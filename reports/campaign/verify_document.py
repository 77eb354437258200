"""What a verification found, as one value: for machines, in one sentence, and as an exit code."""

from typing import Literal

import msgspec

from jobs.printable import counted
from reports.campaign.verified import Odd, ProjectFound, Result
from reports.exit_code import Exit
from reports.summary.schema import FileFacts

CSV, JSON, PAGE = "verify.csv", "verify.json", "verify.html"


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """A verification for machines. Between `started_at` and `ended_at` the service
    was asked, by `requests` in all sessions of it; `asked_by` names the users with their logins, and `stopped` says
    why it ended early. `invalid` rows, those `not_selected` and those `carried` along, which the plan of the run could
    not do, were not asked for. `rows_that_do_not_hold` lists the first of those. A `shard` has a part of the rows.
    """

    schema: Literal["csms-rekey/verify/2"] = "csms-rekey/verify/2"
    version: str
    manifest: str
    manifest_sha256: str
    run_dir: str | None
    started_at: str
    ended_at: str
    exit_code: int
    stopped: str | None
    requests: int
    asked_by: str = ""
    rows: int
    holds: int
    moved: int
    missing: int
    unread: int
    invalid: int
    not_selected: int
    carried: int = 0
    projects: tuple[ProjectFound, ...]
    rows_that_do_not_hold: tuple[Odd, ...]
    shard: str | None = None
    files: tuple[FileFacts, ...] = ()


class VerifyFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known besides the sightings: which rows they are, and when and how the service was asked.
    `unread_as` is the exit code where some could not be read.
    """

    version: str
    manifest: str
    manifest_sha256: str
    run_dir: str | None
    started_at: float
    ended_at: float
    stopped: str | None
    unread_as: int
    requests: int
    asked_by: str = ""
    invalid: int
    not_selected: int
    carried: int = 0
    shard: str | None = None
    again: str
    """The command that asks for what was not read."""


def verify_exit_code(results: dict[Result, int], *, invalid: int, unread_as: int = Exit.STOPPED_EARLY) -> int:
    """The exit code of a verification: what could not be read wins over what does not hold."""
    if results[Result.UNREAD]:
        return unread_as
    return Exit.NOT_ALL_DONE if results[Result.MOVED] or results[Result.MISSING] or invalid else Exit.DONE


def verified_json(verified: Verified) -> bytes:
    """The content of its file, which is also printed."""
    return msgspec.json.format(msgspec.json.encode(verified), indent=2) + b"\n"


def verified_words(verified: Verified) -> str:
    """The whole in one sentence."""
    if verified.unread:
        return f"{verified.unread:,} of {counted(verified.rows, 'row')} could not be read."
    if others := verified.moved + verified.missing:
        are = "is not on its" if others == 1 else "are not on their"
        return f"{others:,} of {counted(verified.rows, 'row')} {are} key."
    if verified.invalid and not verified.holds:
        return f"No row could be checked: {verified.invalid:,} invalid."
    if verified.invalid:
        return f"Every valid row is on its key, but {counted(verified.invalid, 'row')} cannot be used."
    if verified.carried:
        return f"Every row that the plan could do is on its key: {verified.holds:,} of {counted(verified.rows, 'row')}."
    return f"Every row is on its key: {counted(verified.holds, 'row')}."


def moved_words(verified: Verified) -> str:
    """What to make of secrets that are on another key than that of their row, or missing."""
    if verified.run_dir is None or not verified.moved:
        return "Find out who changed these secrets."
    return (
        "If this run was rolled back, its secrets are on their key before again, as they should be; otherwise find out"
        " who changed them."
    )
