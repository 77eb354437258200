"""In what two shards are not of one plan, verification or retirement."""

from typing import TypeVar

from msgspec.structs import replace

from batch.cli.questions import PlanQuestion, Question, RetireQuestion, VerifyQuestion
from jobs.job_facts import differences
from jobs.ledger import same_key

Asked = TypeVar("Asked", PlanQuestion, VerifyQuestion, RetireQuestion)


def of_the_whole(question: Asked) -> Asked:
    """A question as it would be without shards."""
    return replace(question, spec=question.spec.whole, whole_sha256=None)


def other_question(question: Question, first: Question) -> str | None:
    """What one asks otherwise than the first; None where both are of one."""
    if _kind(question) != _kind(first):
        return _kind(question)
    if question.spec.shard and first.spec.shard and question.spec.shard.count != first.spec.shard.count:
        return f"one of {question.spec.shard.count} shards"
    if (sha256 := _manifest(question)) != _manifest(first):
        return f"its manifest has the SHA-256 {(sha256 or '')[:12]}..."
    if (keys := _keys(question)) != _keys(first):
        return f"its keys are {', '.join(map(' to '.join, keys))}; name the same keys for every shard"
    if (whole := question.whole_sha256) != first.whole_sha256:
        return f"its projects are a part of others, which have the SHA-256 {(whole or '')[:12]}..."
    different = differences(first.spec, question.spec)
    return next((f"--{one.option} {one.now}" for one in different if one.option != "shard"), None)


def _kind(question: Question) -> str:
    match question:
        case PlanQuestion():
            return "a plan by keys" if question.source.keys else "a plan of a manifest"
        case VerifyQuestion():
            return "a verification of a manifest" if question.run_dir is None else "a verification of a run"
        case RetireQuestion():
            return "a retirement by keys" if question.run_dir is None else "a retirement by a run"


def _manifest(question: Question) -> str | None:
    match question:
        case PlanQuestion():
            return question.source.sha256
        case VerifyQuestion():
            return question.manifest_sha256
        case RetireQuestion():
            return None


def _keys(question: Question) -> tuple[tuple[str, ...], ...]:
    match question:
        case PlanQuestion():
            moves = question.source.keys
            return tuple((*map(same_key, (one.old_kms_key_id, one.new_kms_key_id)),) for one in moves)
        case VerifyQuestion():
            return ()
        case RetireQuestion():
            return tuple((same_key(one),) for one in question.key_ids)
