"""Why the old keys have to stay enabled, which they are, and what says when they are free."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from jobs.ledger import same_key
from jobs.printable import printable
from reports.summary.sessions import KeySummary

_SHOWN = 3


def old_key_notice(keys: Sequence[KeySummary], folder: Path | None = None) -> str:
    """The notice, with the old keys of a run as far as they are known, and with the command that answers for the run in
    a folder.
    """
    known = {same_key(old): old for key in keys for old in key.old_keys if same_key(old) != same_key(key.kms_key_id)}
    more = len(known) - _SHOWN + sum(key.more_old_keys for key in keys)
    names = [*list(known.values())[:_SHOWN], *((f"{more} more",) if more > 0 else ())]
    several = len(names) > 1
    its, it = ("its", "one of them") if several else ("the", "it")
    named = f" {' and '.join(filter(None, (', '.join(names[:-1]), names[-1])))}" if names else ""
    notice = (
        f"Keep the old key{'s' if several else ''}{named} enabled: a row that is done uses the new key for versions"
        f" made from now on, and every older version still needs {its} old key to be read."
    )
    if folder is None:
        return notice
    command = shlex.join(map(printable, ("csms-rekey", "retire", str(folder))))
    return f"{notice} To see whether anything still needs {it}: {command}"
