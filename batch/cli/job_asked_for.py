"""The job that the options of a command line ask for: a new one, or one that is there with what they change."""

from typing import Any

import msgspec

from batch.cli.job_options import option_key
from batch.cli.options import AuthOptions, PaceOptions, PlaceOptions, ProjectsOptions, RowsOptions
from jobs.accounts import accounts_file
from jobs.options import options_in, spelled
from jobs.spec import Auth, JobSpec, Limits, SpecError


def limits_of(options: PaceOptions, base: Limits) -> Limits:
    """The limits of a job with what the options change.

    Raises:
        SpecError: an option cannot be used.
    """
    return msgspec.structs.replace(base, **_given(options, Limits))


def spec_of(manifest: RowsOptions | PlaceOptions | ProjectsOptions, limits: PaceOptions, auth: AuthOptions) -> JobSpec:
    """The job that the options ask for.

    Raises:
        SpecError: an option cannot be used.
    """
    limited, given = limits_of(limits, Limits()), _given(manifest, JobSpec)
    if isinstance(manifest, ProjectsOptions):
        given.pop("project_id", None)
    return JobSpec(
        **given,
        auth=auth.auth or Auth.AUTO,
        profile=auth.profile,
        accounts=accounts_file(auth.accounts),
        limits=limited,
    )


def sharded(options: ProjectsOptions, base: JobSpec) -> JobSpec:
    """A job of which the options say which shard is meant.

    Raises:
        SpecError: an option cannot be used.
    """
    given = _given(options, JobSpec)
    return msgspec.structs.replace(base, **{name: given[name] for name in ("shard", "shard_by") if name in given})


def job_with(options: RowsOptions, base: JobSpec) -> JobSpec:
    """A job with what the options change.

    Raises:
        SpecError: an option cannot be used.
    """
    return msgspec.structs.replace(base, **_given(options, JobSpec))


def _given(options: object, part: type[msgspec.Struct]) -> dict[str, Any]:
    values = {}
    for one in options_in(part):
        if (value := getattr(options, option_key(one), None)) is not None:
            try:
                values[one.name] = one.parse(value) if one.parse else value
            except ValueError as error:
                raise SpecError(spelled(one.name), str(error)) from error
    return values
