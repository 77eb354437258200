"""Brings the shards of one plan, verification or retirement together: which there are, and all that they have seen."""

from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from batch.cli.command_lines import resume_command
from batch.cli.known_secrets import OWNER_COLUMN
from batch.cli.looking import began_at, keep_beginning
from batch.cli.questions import PlanQuestion, Question, RetireQuestion, VerifyQuestion, kept_question, put_question
from batch.cli.roll_call import RollCall
from batch.cli.same_question import of_the_whole, other_question
from batch.cli.sharing import kept_whole
from batch.cli.standing import Standing, all_who_asked, keep_standing, kept_standing
from batch.process.version import version
from jobs.ledger import LedgerError
from jobs.ledger.log_file import log_of
from jobs.model import Scope
from jobs.printable import shortened
from jobs.run_dir.look_dir import LookDirectory
from jobs.run_dir.scope_locks import Patience
from jobs.shard import Shard
from jobs.sightings import Sightings
from jobs.sightings.merging import Merging
from jobs.spec import UsageError

MISSING = "its shard is missing"
_NEVER = "nothing was asked yet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One shard as it stood; `source` is its copy of the manifest, if it keeps one, and `owners` the column that names
    those of secrets.
    """

    path: Path
    shard: Shard
    question: Question
    began_at: float
    standing: Standing | None
    projects: tuple[Scope, ...]
    source: Path | None
    owners: str | None

    @property
    def stopped(self) -> str | None:
        """Why not everything was asked for."""
        return _NEVER if self.standing is None else self.standing.stopped


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """All of them: the question of the whole, why that has no whole answer, and the first shard that can be continued.
    The manifest has a copy at `source` where there is one.
    """

    question: Question
    parts: tuple[Part, ...]
    missing: tuple[int, ...]
    stopped: str | None

    @property
    def unfinished(self) -> Part | None:
        """The first shard that can be continued."""
        return next((one for one in self.parts if one.stopped is not None), None)

    @property
    def source(self) -> Path | None:
        """A copy of the manifest that was shared out."""
        return next((one.source for one in self.parts if one.source is not None), None)


class LookShards:
    """The shards of one command, whose sightings go into a file that is made in the folder `staged`."""

    def __init__(self, staged: Path, *, partial: bool) -> None:
        """With `partial`, a shard may be missing, and one that was given twice counts once.

        Raises:
            LedgerError: the file cannot be made.
        """
        self._staged = staged
        self._partial = partial
        self._merging = Merging(staged)
        self._roll_call = RollCall(partial=partial)
        self._parts: list[Part] = []
        self._whole: tuple[Scope, ...] = ()

    def take(self, directory: LookDirectory, patience: Patience) -> None:
        """Adds one.

        Raises:
            UsageError: it is not a shard of the same.
            LockHeldError: a command is using it.
            LedgerError: its sightings cannot be read.
        """
        with directory.lock("look", patience), Sightings(directory.path) as sightings:
            part = _part(directory, sightings)
            first = self._parts[0] if self._parts else part
            if reason := _other(part, first):
                raise UsageError(f"{part.path}: {reason}; {first.path} is of another")
            if not self._roll_call.enter(part.path, part.shard):
                return
            self._refuse_unfinished(part)
            if not self._parts:
                self._whole = kept_whole(sightings)
            self._parts.append(part)
            # Closed it is one file, which is read without further locks and commits.
            sightings.close()
            if log_of(sightings.path).exists():
                raise LedgerError(sightings.path, "its log cannot be folded back into it")
            self._merging.take(sightings.path)

    def finish(self) -> Together:
        """Makes the sightings whole; what no shard has seen stands in them as not looked at.

        Raises:
            UsageError: there are no shards, or some are missing.
            LedgerError: the sightings cannot be written, or have a row or a project twice.
        """
        if not self._parts:
            raise UsageError("no directories to merge")
        parts = tuple(sorted(self._parts, key=lambda one: one.shard))
        count = parts[0].shard.count
        missing = self._roll_call.missing(count, "what belongs to them counts as not looked at")
        self._merging.finish()
        question = _question_of_all(parts, self._whole)
        together = Together(question=question, parts=parts, missing=missing, stopped=_why(parts, missing))
        with Sightings(self._staged) as sightings:
            _note_unseen(sightings, parts, self._whole)
            keep_beginning(sightings, min(one.began_at for one in parts))
            keep_standing(sightings, _standing_of_all(together))
            if (owners := parts[0].owners) is not None:
                sightings.keep(OWNER_COLUMN, owners)
            put_question(sightings, question)
        return together

    def abandon(self) -> None:
        """Lets go of a file that is not to be; safe to call twice."""
        self._merging.abandon()

    def _refuse_unfinished(self, part: Part) -> None:
        """A plan that lacks something is none; of the others, what is unread is reported."""
        if isinstance(part.question, PlanQuestion) and part.stopped is not None and not self._partial:
            raise UsageError(
                f"{part.path}: shard {part.shard} is not finished: {part.stopped}; `{resume_command(part.path)}`"
                " continues it, or say --partial"
            )


def _other(part: Part, first: Part) -> str | None:
    """In what a shard is not of the same as the first."""
    releases = [one.standing.release for one in (part, first) if one.standing is not None]
    if len(set(releases)) > 1:
        return f"looked at by release {releases[0]}"
    if reason := other_question(part.question, first.question):
        return reason
    if part.owners != first.owners:
        return "its owners are in no column" if part.owners is None else f"--owner-column {part.owners}"
    return None


def _part(directory: LookDirectory, sightings: Sightings) -> Part:
    question, standing = kept_question(sightings), kept_standing(sightings)
    if question is None:
        raise UsageError(f"{directory.path}: {_NEVER}; give the command that made it again")
    if question.spec.shard is None:
        what = "a merge" if standing is not None and standing.shards else f"its {question.command} had no --shard"
        raise UsageError(f"{directory.path}: not a shard: {what}")
    return Part(
        path=directory.path,
        shard=question.spec.shard,
        question=question,
        began_at=began_at(sightings),
        standing=standing,
        projects=tuple(one.scope for one in sightings.projects()),
        source=directory.source,
        owners=sightings.kept(OWNER_COLUMN),
    )


def _question_of_all(parts: tuple[Part, ...], whole: tuple[Scope, ...]) -> Question:
    asked = [one.question for one in parts]
    match asked[0]:
        case PlanQuestion() as first:
            return replace(of_the_whole(first), projects=whole)
        case VerifyQuestion() as first:
            return replace(of_the_whole(first), run_dir=_run_dir(asked))
        case RetireQuestion() as first:
            own = (place for one in asked if isinstance(one, RetireQuestion) for place in one.projects)
            return replace(of_the_whole(first), run_dir=_run_dir(asked), projects=whole or tuple(own))


def _run_dir(asked: list[Question]) -> str | None:
    """The run of all of them; None where each shard is a separate one."""
    found = {one.run_dir for one in asked if not isinstance(one, PlanQuestion)}
    return found.pop() if len(found) == 1 else None


def _standing_of_all(together: Together) -> Standing:
    known = [one.standing for one in together.parts if one.standing is not None]
    logins = dict.fromkeys(one.login for one in known)
    return Standing(
        release=version(),
        login=shortened("; ".join(logins)),
        asked_by=all_who_asked(*(one.asked_by for one in known)),
        requests=sum(one.requests for one in known),
        ended_at=max((one.ended_at or 0.0 for one in known), default=0.0),
        stopped=together.stopped,
        shards=len(together.parts),
    )


def _why(parts: tuple[Part, ...], missing: tuple[int, ...]) -> str | None:
    """What keeps the first shard from being over."""
    count = parts[0].shard.count
    found = [(index, f"shard {index}/{count} is missing") for index in missing]
    found += ((one.shard.index, f"shard {one.shard}: {one.stopped}") for one in parts if one.stopped is not None)
    return min(found)[1] if found else None


def _note_unseen(sightings: Sightings, parts: tuple[Part, ...], whole: tuple[Scope, ...]) -> None:
    """Projects that were not looked at to the end say so, also where they have not been named yet. Of a
    verification and a retirement, each secret that is unread says it for itself.
    """
    for part in parts:
        if isinstance(part.question, PlanQuestion) and part.stopped is not None:
            for place in {*part.projects, *part.question.projects}:
                sightings.stop_project(place, f"its shard is not finished: {part.stopped}")
    known = {one.scope for one in sightings.projects()}
    for place in whole:
        if place not in known:
            sightings.stop_project(place, MISSING)
