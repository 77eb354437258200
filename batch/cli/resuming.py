"""Continues what a command that only looks has begun in a directory."""

from dataclasses import fields
from typing import Any, cast

from batch.cli.commands.plan import continue_plan
from batch.cli.commands.retire import ask_retire
from batch.cli.commands.verify import ask_verify
from batch.cli.login import open_access
from batch.cli.looking import Way, asked_in, opened
from batch.cli.options import (
    AuthOptions,
    LimitOptions,
    LookOptions,
    ManifestOptions,
    PaceOptions,
    SessionOptions,
    limits_of,
)
from batch.cli.origins import Origins
from batch.cli.planning import refuse_planned
from batch.cli.questions import PlanQuestion, VerifyQuestion
from jobs.options import spelled
from jobs.run_dir.look_dir import LookDirectory
from jobs.spec import UsageError

_LOOKS = frozenset(one.name for one in fields(LookOptions))
_OF_RUNS: tuple[Any, ...] = (SessionOptions, ManifestOptions, LimitOptions)
_PACE = frozenset(one.name for one in fields(cast("Any", PaceOptions)))
_ONLY_RUNS = ("failed", *(one.name for options in _OF_RUNS for one in fields(options) if one.name not in _PACE))


def resume_look(
    directory: LookDirectory, limits: LimitOptions, auth: AuthOptions, session: SessionOptions, origins: Origins
) -> int:
    """Asks what its directory still has to ask; returns the exit code. Limits that are not given are those of the
    command that made it, and so is the kind of login.

    Raises:
        UsageError: an option is only for a run, nothing was asked there yet, or it has its answer.
    """
    for name in _ONLY_RUNS:
        origin = origins.of(spelled(name))
        if name not in _LOOKS and origin is not None and origin.kind == "flag":
            raise UsageError(f"{origin.name}: is for a run, and {directory.path} holds none")
    refuse_planned(directory.path)
    options = LookOptions(**{name: getattr(session, name) for name in _LOOKS})
    question = asked_in(directory, options)
    way = Way(
        access=open_access(auth, question.spec),
        limits=limits_of(limits, question.spec.limits),
        options=options,
    )
    if isinstance(question, PlanQuestion):
        return continue_plan(directory, question, way)
    with opened(directory, question, way) as sightings:
        if isinstance(question, VerifyQuestion):
            return ask_verify(directory, sightings, question, way)
        return ask_retire(directory, sightings, question, way)
