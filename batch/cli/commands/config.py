"""`config`: every option of run and resume, its value, and where the value comes from."""

import json as json_text
import os
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from batch.cli.environment import NO_OPTIONS, PREFIX
from batch.cli.job_asked_for import spec_of
from batch.cli.options import (
    AUTH,
    LIMITS,
    SESSION,
    SOURCE,
    AuthOptions,
    JobFile,
    LimitOptions,
    ManifestOptions,
    SessionOptions,
)
from batch.cli.origins import NOWHERE, GivenOrigins, Origin, Origins
from batch.cli.screen import tell, tell_json
from jobs.duration import duration_text
from jobs.job_facts import JobFacts, job_facts
from jobs.options import options_in, spelled, word
from jobs.spec import Auth, JobSpec, Limits
from reports import Exit

_ABSENT = "not given"
_TIMES = frozenset({"wait"})
_Value = str | int | bool | tuple[str, ...] | None


class _Shown(msgspec.Struct, frozen=True, kw_only=True):
    """One option; `absent` are the words for what holds where its default cannot be written as a value."""

    option: str
    value: _Value
    absent: str = ""


def config(
    *,
    source: ManifestOptions = SOURCE,
    limits: LimitOptions = LIMITS,
    auth: AuthOptions = AUTH,
    session: SessionOptions = SESSION,
    run_dir: Path | None = None,
    failed: bool = False,
    yes: Annotated[bool, Parameter(negative="")] = False,
    plan_sha256: str | None = None,
    _job: JobFile = None,
    _origins: GivenOrigins = NOWHERE,
) -> int:
    """Prints them as a job file that would ask for the same: defaults are comments.

    Args:
        run_dir: As for run.
        failed: As for resume.
        yes: As for run.
        plan_sha256: As for run.
    """
    spec = spec_of(source, limits, auth)
    own = {"run_dir": run_dir, "failed": failed, "yes": yes, "plan_sha256": plan_sha256, "job": _job}
    shown = [*_of_job(job_facts(spec)), *_of_command(auth, session, own)]
    if session.json:
        tell_json(_as_json(shown, _origins))
        return Exit.DONE
    for one in shown:
        tell(_line(one, _origins.of(one.option)))
    for name in _set_variables():
        tell(f"# {name} is set")
    tell("# resume keeps the limits and the kind of login of its job where a default stands here")
    return Exit.DONE


def _of_job(job: JobFacts) -> Iterator[_Shown]:
    for one in (*options_in(JobSpec), *options_in(Limits)):
        value = _plain(getattr(job, one.name), one.name)
        absent = one.option.unset or (_ABSENT if value in {None, ()} else "")
        yield _Shown(option=spelled(one.name), value=value, absent=absent)


def _of_command(auth: AuthOptions, session: SessionOptions, own: dict[str, Any]) -> Iterator[_Shown]:
    given = {one.name: getattr(part, one.name) for part in (auth, session) for one in fields(part)}
    given["auth"] = auth.auth or Auth.AUTO
    for name, value in {**given, **own}.items():
        text = duration_text(value) if name in _TIMES else _plain(value, name)
        yield _Shown(option=spelled(name), value=text, absent="" if text is not None else _ABSENT)


def _plain(value: Any, name: str) -> _Value:
    """A value as a job file has it."""
    return value if value is None or isinstance(value, bool | int | tuple) else word(name, value)


def _line(one: _Shown, origin: Origin | None) -> str:
    """A line of a job file; a default, and what a job file cannot name or must not show, is a comment."""
    if origin is None:
        default = f": {one.absent}" if one.absent else f" = {_toml(one.value)}"
        return f"# {one.option}{default}  # default"
    if _is_hidden(one):
        return f"# {one.option}: set, not shown  # {origin.name}"
    return f"{'# ' if one.option == 'job' else ''}{one.option} = {_toml(one.value)}  # {origin.name}"


def _is_hidden(one: _Shown) -> bool:
    """An address that is a credential in itself, or holds one."""
    return one.value is not None and (one.option == "notify-url" or (one.option == "proxy" and "@" in str(one.value)))


def _toml(value: _Value) -> str:
    return json_text.dumps(value, ensure_ascii=False)


def _as_json(shown: list[_Shown], origins: Origins) -> str:
    options = {}
    for one in shown:
        origin = origins.of(one.option)
        kind, name = ("default", None) if origin is None else (origin.kind, origin.name)
        options[one.option] = {"value": "set" if _is_hidden(one) else one.value, "from": kind, "name": name}
    return json_text.dumps({"options": options, "variables": dict.fromkeys(_set_variables(), "set")}, indent=2)


def _set_variables() -> list[str]:
    """Variables that are not options and are set; what they hold is never shown."""
    return [f"{PREFIX}{name}" for name in NO_OPTIONS if os.environ.get(f"{PREFIX}{name}")]
