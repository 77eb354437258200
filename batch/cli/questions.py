"""What a command that only looks was asked, as a value that its directory keeps: `resume` takes it from there."""

from typing import Self

import msgspec

from batch.cli.login import with_login
from batch.csms.access import Access
from jobs.ledger import LedgerError
from jobs.model import Scope
from jobs.plan.document import PlanSource
from jobs.sightings import Sightings
from jobs.sightings.schema import MEND
from jobs.spec import Auth, JobSpec, Limits

_KEY = "question"


class Asking(msgspec.Struct, frozen=True, kw_only=True, tag_field="command"):
    """What every question has: where, with the limits and the kind of login of the command that asked first. A shard
    of it knows the others by `whole_sha256`, where no sum of a manifest does that.
    """

    spec: JobSpec
    whole_sha256: str | None = None

    @property
    def command(self) -> str:
        """The name of the command that asks it."""
        return str(type(self).__struct_config__.tag)

    def bare(self) -> Self:
        """The question without what may differ from one session to the next."""
        spec = msgspec.structs.replace(self.spec, limits=Limits(), auth=Auth.AUTO, agency=None, profile=None)
        return msgspec.structs.replace(self, spec=spec)


class PlanQuestion(Asking, frozen=True, kw_only=True, tag="plan"):
    """What to plan: keys in these projects, or the rows of the manifest that the directory keeps."""

    source: PlanSource
    projects: tuple[Scope, ...] = ()


class VerifyQuestion(Asking, frozen=True, kw_only=True, tag="verify"):
    """Whether the rows hold that the sightings want; the manifest that they are from, and the run, if from one."""

    manifest: str
    manifest_sha256: str
    run_dir: str | None


class RetireQuestion(Asking, frozen=True, kw_only=True, tag="retire"):
    """Whether these keys are free in these projects; and the run that knows of them, if one does. They are its old keys
    unless they were `named`.
    """

    key_ids: tuple[str, ...]
    projects: tuple[Scope, ...]
    run_dir: str | None
    named: bool = True


Question = PlanQuestion | VerifyQuestion | RetireQuestion


def keep_question(sightings: Sightings, question: Question, limits: Limits, access: Access) -> None:
    """Keeps it with what was seen: a session that continues takes these limits and a login of this kind."""
    spec = with_login(msgspec.structs.replace(question.spec, limits=limits), access)
    put_question(sightings, msgspec.structs.replace(question, spec=spec))


def put_question(sightings: Sightings, question: Question) -> None:
    """The same for one whose limits and login are its own."""
    sightings.keep(_KEY, msgspec.json.encode(question).decode())


def kept_question(sightings: Sightings) -> Question | None:
    """The one that is kept there; None where all that it is about has not been taken in yet.

    Raises:
        LedgerError: this release can make nothing of it.
    """
    if (text := sightings.kept(_KEY)) is None:
        return None
    try:
        found: Question = msgspec.json.decode(text, type=Question)
    except msgspec.DecodeError as error:
        raise LedgerError(sightings.path, f"its question cannot be read: {error}: {MEND}") from error
    return found
