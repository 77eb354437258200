"""How a look stands after its last session, which its directory keeps beside what was seen."""

import time
from collections.abc import Callable

import msgspec

from batch.cli.confirm import login_words
from batch.cli.session_start import this_user
from batch.csms.access import Access
from batch.look import LookEnd
from batch.process.version import version
from jobs.ledger import LedgerError
from jobs.model import Count, Moment
from jobs.printable import shortened
from jobs.sightings import Sightings
from jobs.sightings.schema import MEND

_KEY = "standing"
_KILLED = "killed; no end recorded"


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """By which release and login it was asked last, with how many requests in all its sessions, when that ended, and
    why not everything was asked for. `asked_by` names each user with a login, of all sessions. With `shards`, so many
    were merged, and nothing continues it.
    """

    release: str
    login: str
    asked_by: str = ""
    requests: Count = 0
    ended_at: Moment | None = None
    stopped: str | None = _KILLED
    shards: Count | None = None


def kept_standing(sightings: Sightings) -> Standing | None:
    """As the last session left it; None where there was none.

    Raises:
        LedgerError: this release can make nothing of it.
    """
    if (text := sightings.kept(_KEY)) is None:
        return None
    try:
        return msgspec.json.decode(text, type=Standing)
    except msgspec.DecodeError as error:
        raise LedgerError(sightings.path, f"how it stands cannot be read: {error}: {MEND}") from error


def session_kept(sightings: Sightings, access: Access, session: Callable[[], LookEnd]) -> LookEnd:
    """Runs a session, and keeps how it ended; one that is killed on the way stands as that."""
    before = kept_standing(sightings)
    requests = 0 if before is None else before.requests
    login = shortened(login_words(access))
    who = all_who_asked("" if before is None else before.asked_by, f"{this_user()}, {login}")
    begun = Standing(release=version(), login=login, asked_by=who, requests=requests)
    keep_standing(sightings, begun)
    end = session()
    stopped = None if end.whole else end.stopped or "not everything was asked for"
    requests += end.requests
    keep_standing(sightings, msgspec.structs.replace(begun, requests=requests, ended_at=time.time(), stopped=stopped))
    return end


def all_who_asked(*each: str) -> str:
    """Each of them once, in the order in which they came."""
    return shortened("; ".join(dict.fromkeys(one for who in each for one in who.split("; ") if one)))


def asked_by(sightings: Sightings) -> str:
    """Who asked, in all sessions, and with which logins."""
    found = kept_standing(sightings)
    return "" if found is None else found.asked_by


def requests_of(sightings: Sightings) -> int:
    """How many requests all sessions have made."""
    found = kept_standing(sightings)
    return 0 if found is None else found.requests


def keep_standing(sightings: Sightings, standing: Standing) -> None:
    """Keeps it in place of what was there."""
    sightings.keep(_KEY, msgspec.json.encode(standing).decode())
