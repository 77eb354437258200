"""What a process of a fleet is to work on: one shard of a campaign, with this machine's logins and folders."""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from batch.cli.options import AuthOptions, SessionOptions
from batch.cli.screen import say
from batch.fleet.campaign import Campaign
from batch.fleet.holding import Claim
from batch.fleet.home import Home
from batch.fleet.lease import LeaseTimes
from batch.fleet.storage import Storage
from jobs.accounts import accounts_file
from jobs.shard import Shard
from jobs.spec import JobSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A shard that this process is to work on, and how."""

    storage: Storage
    of: Campaign
    shard: int
    work: Path
    auth: AuthOptions
    session: SessionOptions
    times: LeaseTimes

    @property
    def spec(self) -> JobSpec:
        """The job of the shard; where the accounts' logins are is known on this machine only."""
        own = Shard(self.shard, self.of.shards)
        accounts = accounts_file(self.auth.accounts) if self.auth.accounts is not None else self.of.spec.accounts
        return msgspec.structs.replace(self.of.spec, shard=own, accounts=accounts)

    def claim(self, home: Home) -> Claim:
        """The same for the next owner of its lease."""
        return Claim(
            storage=self.storage,
            shard=self.shard,
            home=home,
            times=self.times,
            timeout_s=self.spec.limits.timeout_s,
            wait_s=self.session.wait,
            say=say,
        )
