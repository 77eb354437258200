"""The end of a run as one short message for a chat: how it ended, the counts, and what to do next."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from jobs.model import Status
from jobs.printable import printable
from reports.screen.verdict import verdict
from reports.screen.wording import mended_first, next_steps
from reports.summary.schema import Summary

_OWN_LIMITS = "--max-"


def chat_text(summary: Summary, folder: Path) -> str:
    """A few lines without the name of a secret: more people read a chat than a report, so of what the service said only
    the code is in it.
    """
    return "\n".join(printable(line) for line in _lines(summary, folder))


def _lines(summary: Summary, folder: Path) -> Iterator[str]:
    cause = next(_causes(summary), None)
    # A reason may quote the service, which may quote a name.
    bare = msgspec.structs.replace(summary, stopped=cause, scopes=(), held_keys=())
    yield f"csms-rekey: {summary.manifest.name}: {verdict(bare)}"
    counts = [f"{rows:,} {status}" for status in Status if (rows := summary.by_status.of(status))]
    yield "; ".join([", ".join(counts) or "no rows", f"exit code {summary.exit_code}"])
    for step in next_steps(summary, folder):
        yield f"next: {step.command} ({step.brief})"


def _causes(summary: Summary) -> Iterator[str]:
    yield from (advice.cause for advice in mended_first(summary))
    if summary.stopped is not None and summary.stopped.startswith(_OWN_LIMITS):
        yield summary.stopped
