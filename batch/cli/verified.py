"""What a verification comes to, for its files and for the screen."""

from pathlib import Path

from batch.cli.questions import VerifyQuestion
from batch.cli.screen import tell_json, tell_written
from batch.cli.standing import asked_by
from batch.cli.verifying import CARRIED, INVALID, NOT_SELECTED
from batch.process.version import version
from jobs.sightings import Sightings
from reports.campaign.verify_document import (
    CSV,
    PAGE,
    Verified,
    VerifyFacts,
    moved_words,
    verified_json,
    verified_words,
)


def facts_of(
    question: VerifyQuestion,
    sightings: Sightings,
    *,
    began_at: float,
    ended_at: float,
    stopped: str | None,
    unread_as: int,
    requests: int,
    again: str,
) -> VerifyFacts:
    """What is known besides the sightings; `again` is the command that asks for what was not read."""
    notes = dict(sightings.shown.query("SELECT note, COUNT(*) FROM wanted WHERE note IS NOT NULL GROUP BY note"))
    return VerifyFacts(
        version=version(),
        manifest=question.manifest,
        manifest_sha256=question.manifest_sha256,
        run_dir=question.run_dir,
        started_at=began_at,
        ended_at=ended_at,
        stopped=stopped,
        unread_as=unread_as,
        requests=requests,
        asked_by=asked_by(sightings),
        invalid=notes.get(INVALID, 0),
        not_selected=notes.get(NOT_SELECTED, 0),
        carried=notes.get(CARRIED, 0),
        shard=None if question.spec.shard is None else str(question.spec.shard),
        again=again,
    )


def show_verified(folder: Path, verified: Verified, *, again: str, json: bool) -> None:
    """Shows it; `folder` is where its files are, and `again` the command that asks for what was not read."""
    if json:
        tell_json(verified_json(verified).decode().rstrip("\n"))
        return
    tell_written(
        (
            verified_words(verified),
            *(f"project {one.project_id}: {one.trouble}" for one in verified.projects if one.trouble is not None),
            *((moved_words(verified),) if verified.moved or verified.missing else ()),
            f"{folder / PAGE} shows them, {CSV} lists every row",
            *((f"to ask again for those that could not be read: {again}",) if again and verified.unread else ()),
        )
    )
