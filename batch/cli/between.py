"""`--between`: whether there are waves for it to decide on, and the command as a session runs it."""

import os

from batch.cli.options import SessionOptions
from batch.cli.screen import say
from batch.redaction.redactor import PROCESS_REDACTOR
from batch.telemetry.between import BetweenCommand
from jobs.ledger import Ledger
from jobs.ledger.record import JobRecord
from jobs.spec import JobSpec, Limits, SpecError
from reports.summary.so_far import so_far_json


def with_waves(options: SessionOptions, spec: JobSpec) -> JobSpec:
    """The job, once it is known to have the waves that the options need.

    Raises:
        SpecError: it has none, or no command is named.
    """
    if options.between is not None and not options.between.strip():
        raise SpecError("between", "names no command")
    if options.between is not None and spec.wave_by is None:
        raise SpecError("between", "there are no waves: say --wave-by COLUMN")
    return spec


def between_of(options: SessionOptions, ledger: Ledger, record: JobRecord, limits: Limits) -> BetweenCommand | None:
    """The command that decides between two waves, if one does."""
    if options.between is None:
        return None
    return BetweenCommand(
        options.between,
        os.environ,
        summary=lambda wave: so_far_json(ledger, record, wave),
        clean=PROCESS_REDACTOR.clean,
        say=say,
        grace_s=limits.grace_s,
    )
