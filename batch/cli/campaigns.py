"""Campaign folders as commands find them."""

import getpass
import socket

import msgspec

from batch.fleet import campaign
from batch.fleet.bounded import BoundedStorage
from batch.fleet.campaign import Campaign
from batch.fleet.storage import Storage
from jobs.problem import one_line, plain
from jobs.spec import UsageError


def campaign_in(storage: Storage) -> Campaign | None:
    """The campaign of a folder; None where there is none yet.

    Raises:
        UsageError: there is one that this release can make nothing of.
        StorageError: the folder cannot be read.
    """
    if (data := storage.get(campaign.CAMPAIGN)) is None:
        return None
    try:
        return campaign.campaign_of(data)
    except (msgspec.MsgspecError, ValueError, UnicodeDecodeError) as error:
        raise UsageError(f"{plain(storage.uri)}: {campaign.CAMPAIGN}: {one_line(error)}") from error


def require_campaign(uri: str) -> tuple[Storage, Campaign]:
    """A folder that holds one.

    Raises:
        UsageError: it holds none.
        StorageError: it cannot be read.
    """
    storage = BoundedStorage(uri)
    if (found := campaign_in(storage)) is None:
        raise UsageError(f"{plain(storage.uri)}: holds no campaign; `fleet run` makes one")
    return storage, found


def who() -> str:
    """Who calls this command, for others to see."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "somebody"
    return f"{user} on {socket.gethostname()}"
