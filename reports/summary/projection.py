"""Projects a ledger into the values of a summary."""

from collections.abc import Sequence

from jobs.job_facts import job_facts
from jobs.ledger import ErrorCount, HeldKey, KeyCounts, ScopeCount, SessionRecord, ToldRow
from jobs.ledger.record import JobRecord, ShardFacts
from jobs.model import Group, Status
from jobs.printable import printable, shortened
from reports.moment import utc_text
from reports.summary.old_keys import old_key_notice
from reports.summary.schema import (
    AttemptCount,
    ByGroup,
    ByStatus,
    ElapsedMs,
    ErrorSummary,
    FileFacts,
    ManifestSummary,
    Sample,
    ScopeSummary,
    Summary,
    Timing,
)
from reports.summary.session_facts import held_key_summary, key_summaries, plan_summary, session_summaries, state_of
from reports.summary.tally import Tally

_NO_KEYS = KeyCounts(keys=())


def summarize(
    *,
    record: JobRecord,
    tally: Tally,
    scopes: Sequence[ScopeCount],
    sessions: Sequence[SessionRecord],
    held_keys: Sequence[HeldKey] = (),
    keys: KeyCounts = _NO_KEYS,
    exit_code: int,
    files: tuple[FileFacts, ...],
) -> Summary:
    """The summary of a run whose other files are written."""
    errors = tally.errors()
    targets = key_summaries(keys, errors, held_keys)
    return Summary(
        version=record.version,
        notice=old_key_notice(targets),
        exit_code=exit_code,
        stopped=_shown(_why_shards(record.shards) if record.shards else _why(sessions)),
        job=job_facts(record.spec),
        manifest=_manifest(record),
        by_status=ByStatus(**{status.value: tally.of_status(status) for status in Status}),
        by_group=ByGroup(**{group.value: tally.of_group(group) for group in Group}),
        scopes=tuple(map(_scope, scopes)),
        errors=tuple(map(_error, errors)),
        timing=_timing(sessions, tally.attempted),
        elapsed_ms=_elapsed(tally),
        attempts=tuple(AttemptCount(attempts=puts, rows=rows) for puts, rows in tally.by_puts()),
        over_time=tally.timeline.over_time(sessions),
        files=files,
        sessions=session_summaries(sessions, record.shards),
        held_keys=tuple(map(held_key_summary, held_keys)),
        left_out=tally.left_out,
        carried=tally.carried,
        rows_without_project=record.rows - sum(scope.rows for scope in scopes),
        keys=targets,
        more_keys=keys.more,
        plan=None if record.plan is None else plan_summary(record.plan),
        unknown_ended=tally.unknown_ended,
    )


def _why(sessions: Sequence[SessionRecord]) -> str | None:
    if not sessions:
        return None
    return sessions[-1].stopped if sessions[-1].ended_at is not None else "killed; no end recorded"


def _why_shards(shards: Sequence[ShardFacts]) -> str | None:
    """What keeps the first shard from being over; each is listed with its own reason."""
    count = len(shards)
    for one in shards:
        if one.missing:
            return f"shard {one.index}/{count} is missing"
        if not one.over:
            return f"shard {one.index}/{count}: {one.stopped or 'killed; no end recorded'}"
    return None


def _manifest(record: JobRecord) -> ManifestSummary:
    facts = record.manifest
    return ManifestSummary(name=printable(facts.name), sha256=facts.sha256, bytes=facts.size_bytes, rows=record.rows)


def _elapsed(tally: Tally) -> ElapsedMs:
    timeline = tally.timeline
    return ElapsedMs(one_attempt=timeline.one_put().percentiles(), all_rows=timeline.all_puts().percentiles())


def _scope(count: ScopeCount) -> ScopeSummary:
    return ScopeSummary(
        endpoint=count.endpoint,
        project_id=printable(count.project_id),
        region=_shown(count.region),
        rows=count.rows,
        done=count.done,
        fix_first=count.rows - count.done - count.run_again - count.left_out,
        run_again=count.run_again,
        stopped=_shown(count.stopped),
        left_out=count.left_out,
        unlisted=_shown(count.unlisted),
        without_key_before=count.unseen,
    )


def _error(count: ErrorCount) -> ErrorSummary:
    return ErrorSummary(
        status=count.status,
        error_code=shortened(count.error_code),
        rows=count.rows,
        samples=tuple(map(_sample, count.samples)),
        kms_key_id=_shown(count.kms_key_id),
        key_state=state_of(count),
    )


def _sample(row: ToldRow) -> Sample:
    outcome = row.outcome
    return Sample(
        row=outcome.row,
        secret_name=shortened(row.secret_name),
        message=_shown(outcome.error_message),
        request_id=_shown(outcome.request_id),
    )


def _timing(sessions: Sequence[SessionRecord], attempted: int) -> Timing:
    ended = [session for session in sessions if session.ended_at is not None]
    # Clocks are set back at times; a negative duration would be of no use.
    wall_s = sum(max(0.0, session.ended_at - session.started_at) for session in ended if session.ended_at is not None)
    complete = len(ended) == len(sessions) and wall_s > 0
    return Timing(
        started_at=utc_text(sessions[0].started_at) if sessions else None,
        ended_at=utc_text(_last_end(sessions)) or None,
        sessions=len(sessions),
        wall_s=round(wall_s, 3),
        rows_attempted=attempted,
        rows_attempted_per_s=round(attempted / wall_s, 3) if complete else None,
    )


def _last_end(sessions: Sequence[SessionRecord]) -> float | None:
    """Those of shards ran side by side, so that the one that began last need not have ended last."""
    if not sessions or sessions[-1].ended_at is None:
        return None
    return max(session.ended_at for session in sessions if session.ended_at is not None)


def _shown(text: str | None) -> str | None:
    return None if text is None else shortened(text)
