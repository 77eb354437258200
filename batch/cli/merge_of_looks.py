"""Merges the shards of a plan, a verification or a retirement into a directory."""

from collections.abc import Sequence

from batch.cli.merge_screen import MergeScreen, merge_screen
from batch.cli.merged_look import write_merged
from batch.cli.merging import Way
from batch.cli.merging_looks import LookShards, Together
from batch.cli.planning import refuse_planned
from batch.cli.questions import Question, kept_question
from batch.cli.same_question import other_question
from batch.cli.screen import say
from batch.cli.standing import kept_standing
from jobs.run_dir.look_dir import LookDirectory
from jobs.run_dir.report_files import ReportFiles
from jobs.run_dir.scope_locks import Patience
from jobs.sightings import Sightings
from jobs.spec import UsageError
from reports.campaign import verify_document
from reports.retirement import document as retirement_document


def merge_looks(looks: Sequence[LookDirectory], way: Way) -> int:
    """Puts shards together; returns the exit code of the whole.

    Raises:
        UsageError: they do not belong together, or the directory holds something else.
        LockHeldError: a command is using one.
        LedgerError: what was seen cannot be read or written.
        ReportError: a file cannot be written.
    """
    refuse_planned(way.into)
    directory = LookDirectory.claim(way.into, way.into, network_ok=way.network_ok)
    patience = Patience(0.0, say)
    with directory.lock("merge", patience), directory.or_nothing():
        directory.sweep()
        with merge_screen(progress=not way.json) as screen:
            together = _take_in(directory, looks, patience, screen, partial=way.partial)
        with Sightings(directory.path) as sightings:
            return write_merged(directory, sightings, together, json=way.json)


def _take_in(
    directory: LookDirectory, looks: Sequence[LookDirectory], patience: Patience, screen: MergeScreen, *, partial: bool
) -> Together:
    with directory.staging() as staged:
        shards = LookShards(staged, partial=partial)
        try:
            for one in looks:
                screen.taking(len(looks))
                shards.take(one, patience)
            screen.writing()
            together = shards.finish()
        finally:
            shards.abandon()
        _require_same(directory, together.question)
        files = ReportFiles(directory.path)
        for name in (verify_document.JSON, retirement_document.DOCUMENT):
            # From here on that of an earlier merge is not true any more.
            files.withdraw(name)
        directory.take_in(staged)
    return together


def _require_same(directory: LookDirectory, question: Question) -> None:
    if LookDirectory.find(directory.path) is None:
        return
    with Sightings(directory.path) as sightings:
        found, standing = kept_question(sightings), kept_standing(sightings)
    if standing is None or standing.shards is None:
        raise UsageError(f"{directory.path}: holds no merge; give another --into")
    if found is None or other_question(found, question) is not None:
        raise UsageError(f"{directory.path}: holds the merge of something else; give another --into")
