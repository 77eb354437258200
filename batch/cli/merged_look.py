"""Writes what the shards of a plan, verification or retirement come to together, as the command itself would have."""

from batch.cli.command_lines import resume_command
from batch.cli.known_secrets import OWNER_COLUMN
from batch.cli.looking import began_at
from batch.cli.merging_looks import Together
from batch.cli.planning import put_down
from batch.cli.planning_keys import input_of_keys
from batch.cli.planning_rows import input_of_manifest, wanted
from batch.cli.questions import PlanQuestion, RetireQuestion, VerifyQuestion
from batch.cli.retired import again, show_retired
from batch.cli.standing import asked_by, kept_standing
from batch.cli.verified import facts_of, show_verified
from batch.cli.verifying import wanted_in
from batch.cli.whole_rows import note_missing, whole_rows
from batch.process.version import version
from jobs.run_dir.look_dir import LookDirectory
from jobs.sightings import Sightings
from reports import Exit
from reports.campaign.verify_files import write_verified
from reports.retirement.writing import Looked, write_retirement


def write_merged(directory: LookDirectory, sightings: Sightings, together: Together, *, json: bool) -> int:
    """Writes and shows it; returns the exit code."""
    match together.question:
        case PlanQuestion() as question:
            return _plan(directory, sightings, together, question, json=json)
        case VerifyQuestion() as question:
            return _verification(directory, sightings, together, question, json=json)
        case RetireQuestion() as question:
            return _retirement(directory, sightings, together, question, json=json)


def _plan(
    directory: LookDirectory, sightings: Sightings, together: Together, question: PlanQuestion, *, json: bool
) -> int:
    rate = question.spec.limits.rate
    if question.source.keys:
        return put_down(directory.path, input_of_keys(question, sightings, rate), json=json)
    with whole_rows(directory, together, question.spec, question.source.sha256) as (ledger, copy):
        if together.missing:
            note_missing(sightings, lambda: sightings.want_more(map(wanted, ledger.told.asked())))
        return put_down(directory.path, input_of_manifest(question, sightings, ledger, copy, rate), json=json)


def _verification(
    directory: LookDirectory, sightings: Sightings, together: Together, question: VerifyQuestion, *, json: bool
) -> int:
    if together.missing:
        with whole_rows(directory, together, question.spec, question.manifest_sha256) as (ledger, _):
            note_missing(sightings, lambda: sightings.want_more(wanted_in(ledger)))
    standing = kept_standing(sightings)
    facts = facts_of(
        question,
        sightings,
        began_at=began_at(sightings),
        ended_at=(standing and standing.ended_at) or 0.0,
        stopped=together.stopped,
        unread_as=Exit.STOPPED_EARLY,
        requests=standing.requests if standing else 0,
        again=_continued(together),
    )
    verified = write_verified(directory.path, sightings, facts)
    show_verified(directory.path, verified, again="", json=json)
    return verified.exit_code


def _retirement(
    directory: LookDirectory, sightings: Sightings, together: Together, question: RetireQuestion, *, json: bool
) -> int:
    standing = kept_standing(sightings)
    looked = Looked(
        version=version(),
        began_at=began_at(sightings),
        ended_at=(standing and standing.ended_at) or 0.0,
        requests=standing.requests if standing else 0,
        asked_by=asked_by(sightings),
        stopped=together.stopped,
        again=again(question, ()) if together.stopped is None else _continued(together),
        run_dir=question.run_dir,
        owner_column=sightings.kept(OWNER_COLUMN),
    )
    told = write_retirement(directory.path, sightings, question.key_ids, looked)
    show_retired(directory.path, told, again="", json=json)
    return told.exit_code


def _continued(together: Together) -> str:
    """The command that asks for what was not read; none where all of it belongs to shards that are missing."""
    return "" if together.unfinished is None else resume_command(together.unfinished.path)
