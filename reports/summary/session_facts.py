"""Projects the sessions and the keys of a ledger into a summary."""

from collections.abc import Iterator, Sequence

from jobs.ledger import ErrorCount, HeldKey, KeyCount, KeyCounts, SessionRecord, WaveCount, same_key
from jobs.ledger.record import PlanFacts, ShardFacts
from jobs.model import Group
from jobs.printable import shortened
from reports.moment import utc_text
from reports.summary.key_faults import code_in, key_fault
from reports.summary.sessions import (
    ControlSummary,
    HeldKeySummary,
    KeySummary,
    PlanSummary,
    SessionSummary,
    ShardSummary,
    WaveSummary,
)


def session_summaries(sessions: Sequence[SessionRecord], shards: Sequence[ShardFacts]) -> tuple[SessionSummary, ...]:
    """All runs and resumes, each with the shard that it was of."""
    shard_of = {number: shard for shard in shards for number in shard.sessions}
    return tuple(_session(session, shard_of.get(session.id)) for session in sessions)


def _session(session: SessionRecord, shard: ShardFacts | None) -> SessionSummary:
    return SessionSummary(
        started_at=utc_text(session.started_at),
        ended_at=utc_text(session.ended_at) or None,
        exit_code=session.exit_code,
        stopped=_shown(session.stopped),
        requests=session.sent,
        refused=session.refused,
        unanswered=session.unanswered,
        code=_shown(session.code),
        command=_shown(session.command),
        release=_shown(session.release),
        login=_shown(session.login),
        os_user=_shown(session.os_user),
        host=_shown(session.host),
        changed=_shown(_changed(session.changed, shard)),
        controls=tuple(ControlSummary(at=utc_text(one.at), words=shortened(one.words)) for one in session.controls),
        rows_done=session.rows_done,
        shard=None if shard is None else shard.index,
    )


def _changed(changed: str | None, shard: ShardFacts | None) -> str | None:
    """In what a session differs from the job of the whole."""
    return changed if shard is None or not shard.changed else " ".join(filter(None, (shard.changed, changed)))


def shard_summary(shard: ShardFacts) -> ShardSummary:
    """One shard of those that were merged."""
    return ShardSummary(
        index=shard.index,
        rows=shard.rows,
        open_rows=shard.open_rows,
        exit_code=shard.exit_code,
        stopped=_shown(shard.stopped),
        missing=shard.missing,
    )


def plan_summary(plan: PlanFacts) -> PlanSummary:
    """The plan that the rows are from."""
    return PlanSummary(sha256=plan.sha256, made_at=utc_text(plan.made_at), made_by=shortened(plan.made_by))


def held_key_summary(held: HeldKey) -> HeldKeySummary:
    """One key that was left aside."""
    return HeldKeySummary(
        project_id=shortened(held.project_id),
        region=_shown(held.region),
        kms_key_id=shortened(held.kms_key_id),
        reason=shortened(held.reason),
        rows=held.rows,
    )


def wave_summary(wave: WaveCount) -> WaveSummary:
    """One wave."""
    return WaveSummary(
        name=shortened(wave.name),
        rows=wave.rows,
        done=wave.done,
        fix_first=wave.fix_first,
        run_again=wave.run_again,
        started_at=_moment(wave.started_at),
        ended_at=_moment(wave.ended_at),
    )


def key_summaries(keys: KeyCounts, errors: Sequence[ErrorCount], held: Sequence[HeldKey]) -> tuple[KeySummary, ...]:
    """The target keys, each with what is wrong with it as far as its rows say."""
    states = dict(_states(errors, held))
    return tuple(_key(key, states.get(same_key(key.kms_key_id))) for key in keys.keys)


def state_of(error: ErrorCount) -> str | None:
    """What is wrong with the key that an error blames, in words."""
    message = error.samples[0].outcome.error_message or "" if error.samples else ""
    return key_fault(error.error_code, message) if error.kms_key_id is not None else None


def _states(errors: Sequence[ErrorCount], held: Sequence[HeldKey]) -> Iterator[tuple[str, str]]:
    for error in errors:
        if error.kms_key_id is not None and (state := state_of(error)) is not None:
            yield same_key(error.kms_key_id), state
    for one in held:
        if (state := key_fault(code_in(one.reason) or "", one.reason)) is not None:
            yield same_key(one.kms_key_id), state


def _key(key: KeyCount, state: str | None) -> KeySummary:
    return KeySummary(
        kms_key_id=shortened(key.kms_key_id),
        projects=key.projects,
        rows=key.rows + key.left_out,
        done=key.of(Group.DONE),
        fix_first=key.of(Group.FIX_FIRST),
        run_again=key.of(Group.RUN_AGAIN),
        left_out=key.left_out,
        old_keys=tuple(map(shortened, key.old_keys)),
        more_old_keys=key.more_old_keys,
        state=state,
    )


def _moment(at: float | None) -> str | None:
    return None if at is None else utc_text(at)


def _shown(text: str | None) -> str | None:
    return None if text is None else shortened(text)
