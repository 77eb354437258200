"""What a ledger tells of one row of its manifest."""

import msgspec

from jobs.model import Outcome


class ToldRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One manifest row and how it ended; texts of an invalid row are the manifest's own, unchecked. One that was
    `left_out` was not selected for the job, or `carried` along because its plan could not do it: it is not attempted.
    `before_kms_key_id` is the key that the service showed before our first PUT, where that is known, and `account` is
    whose login the row is sent with, where the manifest names one.
    """

    secret_name: str
    kms_key_id: str
    region: str
    project_id: str
    outcome: Outcome
    left_out: bool = False
    carried: bool = False
    before_kms_key_id: str | None = None
    account: str | None = None
