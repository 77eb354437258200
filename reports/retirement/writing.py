"""Writes all reports on the retirement of keys, out of what was looked at: the uses first, the sums last."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from jobs.model import Scope
from jobs.printable import shortened
from jobs.retirement import Gap, KeyFacts, Uses, Verdict, together, verdict_of
from jobs.run_dir import names
from jobs.run_dir.report_files import ReportFiles
from jobs.sightings import Sightings
from jobs.sightings.key_use import Total, gaps, key_facts, key_uses, totals
from reports.error import blaming
from reports.exit_code import Exit
from reports.moment import utc_text
from reports.retirement.document import (
    DOCUMENT,
    KeyResult,
    KeyState,
    NotRead,
    ProjectResult,
    Retirement,
    not_seen,
    retirement_json,
)
from reports.retirement.page import write_retirement_page
from reports.retirement.tally import UseTally
from reports.retirement.use_file import write_uses
from reports.retirement.words import gap_words, key_sentence, sentence, state_words

EXITS = {Verdict.FREE: Exit.DONE, Verdict.NEEDED: Exit.NOT_ALL_DONE, Verdict.INCOMPLETE: Exit.STOPPED_EARLY}
"""A use that is proven is 1, also where something else could not be read."""


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """How it was looked: from when to when, with how many requests in all, and why not everything was asked for."""

    version: str
    began_at: float
    ended_at: float
    requests: int
    asked_by: str = ""
    stopped: str | None = None
    again: str = ""
    """The command that looks once more."""
    run_dir: str | None = None
    owner_column: str | None = None
    shard: str | None = None
    exits: Mapping[Verdict, Exit] | None = None
    """The exit code for each verdict, where the session did not end by itself."""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen besides the uses themselves."""

    projects: tuple[Total, ...]
    gaps: tuple[Gap, ...]
    whole: bool

    def of(self, project: Scope) -> tuple[Gap, ...]:
        """What was not seen of one project."""
        return tuple(one for one in self.gaps if one.project == project)

    @property
    def not_whole(self) -> int:
        """How many projects were not read whole."""
        return len({one.project for one in self.gaps})


def write_retirement(folder: Path, sightings: Sightings, key_ids: Sequence[str], looked: Looked) -> Retirement:
    """Writes every file, and returns what `retire.json` says.

    Raises:
        LedgerError: the sightings cannot be read.
        ReportError: a file cannot be written.
    """
    files, shown, tally = ReportFiles(folder), sightings.shown, UseTally(key_ids)
    with blaming(folder / DOCUMENT):
        files.withdraw(DOCUMENT)
    accounts = {one.scope: one.account for one in sightings.projects()}
    uses = tally.through(key_uses(shown, key_ids))
    use_file = write_uses(files, uses, accounts=any(accounts.values()))
    seen = Seen(projects=totals(shown), gaps=gaps(shown), whole=looked.stopped is None)
    keys = tuple(_key(key, tally.of_key(key), key_facts(shown, key), seen) for key in key_ids)
    document = _document(keys, looked, seen, tally, accounts)
    page = write_retirement_page(files, msgspec.structs.replace(document, files=(use_file,)), again=looked.again)
    document = msgspec.structs.replace(document, files=(use_file, page))
    with blaming(folder / DOCUMENT), files.place(DOCUMENT) as out:
        out.write(retirement_json(document))
    with blaming(folder / names.SUMS):
        files.seal(())
    return document


def _document(
    keys: tuple[KeyResult, ...], looked: Looked, seen: Seen, tally: UseTally, accounts: Mapping[Scope, str | None]
) -> Retirement:
    verdict = together(key.verdict for key in keys)
    return Retirement(
        version=looked.version,
        verdict=verdict,
        exit_code=(looked.exits or EXITS)[verdict],
        sentence=sentence(keys),
        run_dir=looked.run_dir,
        stopped=looked.stopped and shortened(looked.stopped),
        started_at=utc_text(looked.began_at),
        ended_at=utc_text(looked.ended_at),
        requests=looked.requests,
        asked_by=looked.asked_by,
        secrets=sum(one.secrets for one in seen.projects),
        versions=sum(one.versions for one in seen.projects),
        keys=keys,
        projects=tuple(
            _project(one, accounts.get(one.project), tally.of_project(one.project), seen.of(one.project))
            for one in seen.projects
        ),
        owner_column=looked.owner_column,
        owners=tally.owners,
        more_owners=tally.more_owners,
        shard=looked.shard,
        not_seen=not_seen(looked.shard),
    )


def _key(key_id: str, uses: Uses, facts: Sequence[KeyFacts], seen: Seen) -> KeyResult:
    projects = len(seen.projects)
    verdict = verdict_of(uses, facts, projects=projects, whole=seen.whole and not seen.gaps)
    words = key_sentence(
        key_id,
        verdict,
        uses,
        facts=facts,
        projects=projects,
        gaps=seen.not_whole,
        secrets=sum(one.secrets for one in seen.projects),
    )
    states = tuple(
        KeyState(
            project_id=one.project.project_id,
            region=one.project.region,
            state=state_words(one),
            alias=shortened(one.alias),
            default=one.default,
        )
        for one in facts
    )
    return KeyResult(kms_key_id=key_id, verdict=verdict, sentence=words, uses=uses, states=states)


def _project(total: Total, account: str | None, uses: Uses, missing: Sequence[Gap]) -> ProjectResult:
    place = total.project
    return ProjectResult(
        endpoint=place.endpoint,
        project_id=place.project_id,
        region=place.region,
        account=account,
        secrets=total.secrets,
        versions=total.versions,
        uses=uses,
        not_read=tuple(
            NotRead(
                kind=one.kind,
                secrets=one.secrets,
                samples=tuple(map(shortened, one.samples)),
                words=shortened(gap_words(one)),
            )
            for one in missing
        ),
    )
