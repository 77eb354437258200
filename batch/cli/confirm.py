"""Shows what a run will do before it does it, and asks a person at a terminal whether it should."""

import sys
import tempfile
from pathlib import Path

from batch.cli.accounts import assign_accounts
from batch.cli.loading import load_to_run
from batch.cli.login import with_project
from batch.cli.screen import ask, say
from batch.csms.access import Access
from batch.process.signals import InterruptedBySignal
from jobs.ledger import Ledger
from jobs.ledger.forecast import asks_of, forecast
from jobs.manifest.incoming import Incoming
from jobs.manifest.loading import Loaded
from jobs.printable import counted
from jobs.spec import JobSpec, UsageError
from reports.screen.forecast_words import forecast_lines

_NOT_CONFIRMED = "not confirmed; nothing was sent"


def confirm(incoming: Incoming, spec: JobSpec, access: Access, *, yes: bool) -> None:
    """Asks, where there is a person to ask, and before anything is locked or left behind. Elsewhere the run itself
    shows the same once its manifest is loaded: a pipe can be read only once.

    Raises:
        UsageError: the answer is not yes, or the manifest cannot be used.
        CredentialError: the project that the manifest needs could not be found.
    """
    if yes or incoming.read_once or not _person_is_there():
        return
    spec, no_project = with_project(spec, access)
    with tempfile.TemporaryDirectory(prefix="csms-rekey-ask-") as name:
        folder = Path(name)
        loaded = load_to_run(incoming, spec, folder, no_project)
        with Ledger(folder) as ledger:
            assign_accounts(access, ledger)
            rows = show_forecast(loaded, ledger, spec, access, incoming)
    try:
        sure = not rows or ask(f"change the keys of {counted(rows, 'row')} as shown?")
    except InterruptedBySignal:
        say(_NOT_CONFIRMED)
        raise
    if not sure:
        raise UsageError(_NOT_CONFIRMED)
    incoming.freeze()


def show_forecast(loaded: Loaded, ledger: Ledger, spec: JobSpec, access: Access, incoming: Incoming) -> int:
    """Shows what the rows of a loaded ledger will ask of the service; returns how many can be sent."""
    pages = {} if incoming.planned is None else incoming.planned.pages()
    found = forecast(loaded.asks or asks_of(ledger), spec, pages)
    for line in forecast_lines(found, login_words(access)):
        say(line)
    if incoming.planned is not None and (carried := ledger.told.carried()):
        say(f"left out  {counted(carried, 'row')} that the plan could not do")
    return found.rows


def login_words(access: Access) -> str:
    """Which login it is; one without a name is known by where it was found."""
    shown = access.login.describe()
    return shown.line if shown.name else f"{shown.line} from {shown.source}"


def _person_is_there() -> bool:
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))
