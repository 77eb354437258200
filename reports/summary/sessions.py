"""What a summary tells of each run and resume, and of the keys that the last one left aside."""

import msgspec


class SessionSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One run or resume. Of its `requests` that got their answer, some were `refused` for their rate and some
    `unanswered`, most of these with `code`: a status such as 504, or a word such as timeout.
    """

    started_at: str
    ended_at: str | None
    exit_code: int | None
    stopped: str | None
    requests: int
    refused: int
    unanswered: int
    code: str | None


class HeldKeySummary(msgspec.Struct, frozen=True, kw_only=True):
    """A KMS key that the service blames, so that `rows` of it were left open, and what it said."""

    project_id: str
    region: str | None
    kms_key_id: str
    reason: str
    rows: int
