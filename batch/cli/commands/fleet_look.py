"""`fleet status` and `fleet stop`: a campaign folder, from any machine that reaches it."""

from typing import Annotated

import msgspec
from cyclopts import Parameter

from batch.cli.screen import say, tell, tell_json
from reports import Exit


def status(dir: str, /, *, json: Annotated[bool, Parameter(negative="")] = False) -> int:  # noqa: A002 - as the option
    """Shows how each shard of a campaign stands: by its lease, its last word, or why it was given up.

    Args:
        dir: Campaign folder: a path or a URI.
        json: Print it as one JSON object, and nothing else.
    """
    from batch.cli.campaigns import require_campaign  # noqa: PLC0415 - an extra
    from batch.fleet.standing import Folder  # noqa: PLC0415 - the same
    from batch.fleet.view import FleetView, shard_line, total_lines  # noqa: PLC0415 - the same

    storage, job = require_campaign(dir)
    view = FleetView(shards=Folder(storage, job).all(), rows=job.rows)
    if json:
        tell_json(msgspec.json.encode(view).decode())
        return Exit.DONE
    for line in (*total_lines(view), *(shard_line(one, job.shards) for one in view.shards)):
        tell(line)
    return Exit.DONE


def stop(dir: str, /) -> int:  # noqa: A002 - as the option
    """Asks every process that works on a campaign to finish what is in flight and end; `fleet run` continues it.

    Args:
        dir: Campaign folder: a path or a URI.
    """
    from batch.cli.campaigns import require_campaign, who  # noqa: PLC0415 - an extra
    from batch.fleet.running import stop_campaign  # noqa: PLC0415 - the same

    storage, job = require_campaign(dir)
    stop_campaign(storage, who())
    say(f"campaign {job.id}: stops within seconds; `csms-rekey fleet status {storage.uri}` shows when it has")
    return Exit.DONE
