"""`fleet shard`: works on one shard of a campaign folder, as every machine of a fleet does."""

from pathlib import Path
from signal import SIGTERM
from typing import TYPE_CHECKING, Annotated

import msgspec
from cyclopts import Parameter

from batch.cli.options import AUTH, SESSION, AuthOptions, JobFile, SessionOptions
from batch.cli.screen import say
from batch.cli.session import refuse_bad_options
from batch.fleet import campaign
from batch.fleet.campaign import Campaign
from batch.fleet.home import default_work
from batch.fleet.lease import LeaseTimes
from batch.process.tied import tie_to_input
from batch.process.version import version
from jobs.problem import one_line
from jobs.spec import SpecError, UsageError

if TYPE_CHECKING:
    from batch.fleet.storage import Storage

_TIMES = ("renew_s", "lapse_s", "still_s", "snapshot_s")


def shard(
    index: int,
    /,
    *,
    dir: str,  # noqa: A002 - the name of the option
    work: Path | None = None,
    auth: AuthOptions = AUTH,
    session: SessionOptions = SESSION,
    tied: Annotated[bool, Parameter(negative="")] = False,
    lease_times: Annotated[str | None, Parameter(show=False)] = None,
    _job: JobFile = None,
) -> int:
    """Works on one shard of a campaign that `fleet run` has made, or continues it, here or from another machine.

    Args:
        index: Number of the shard, the first is 0; in a Kubernetes Indexed Job $JOB_COMPLETION_INDEX.
        dir: Campaign folder: a path that all machines share, or a URI such as s3://bucket/campaign.
        work: Folder on a local disk for ledger and reports. [default: ~/.local/state/csms-rekey/fleet]
        tied: Stop when standard input ends, as it does when the process that started this one has ended.
    """
    refuse_bad_options(session)
    times = times_of(lease_times)
    try:
        from batch.cli.shard_task import Task  # noqa: PLC0415 - an extra
        from batch.cli.sharding import work_on  # noqa: PLC0415 - the same
        from batch.fleet.storage import Storage  # noqa: PLC0415 - the same
    except ImportError as error:
        raise UsageError(f"{one_line(error)}; install csms-rekey with its extra `fleet`") from error
    storage = Storage(dir)
    of = _campaign_in(storage)
    if not 0 <= index < of.shards:
        raise UsageError(f"shard {index}: the campaign has {of.shards}, the first is 0")
    if tied:
        tie_to_input()
    if storage.get(campaign.STOP) is not None:
        say("the campaign was stopped, so nothing is begun; `fleet run` takes that back")
        return 128 + SIGTERM
    home = work or default_work()
    return work_on(Task(storage=storage, of=of, shard=index, work=home, auth=auth, session=session, times=times))


def _campaign_in(storage: "Storage") -> Campaign:
    data = storage.get(campaign.CAMPAIGN)
    if data is None:
        raise UsageError(f"{storage.uri}: holds no campaign; `fleet run` makes one")
    try:
        of = campaign.campaign_of(data)
    except (msgspec.MsgspecError, ValueError, UnicodeDecodeError) as error:
        raise UsageError(f"{storage.uri}: {campaign.CAMPAIGN}: {one_line(error)}") from error
    if of.release != version():
        raise UsageError(
            f"{storage.uri}: made by csms-rekey {of.release}, this is {version()}: use the same everywhere"
        )
    return of


def times_of(text: str | None) -> LeaseTimes:
    """Other times than the usual ones, for trials: seconds between commas. All owners and takers need the same.

    Raises:
        SpecError: there are no such times.
    """
    if text is None:
        return LeaseTimes()
    try:
        return LeaseTimes(**dict(zip(_TIMES, map(float, text.split(",")), strict=True)))
    except ValueError as error:
        raise SpecError("lease-times", str(error)) from error
