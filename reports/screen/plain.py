"""The end of a run as plain lines, one fact each, for a pipe, a log or a terminal without a screen."""

from collections.abc import Iterator
from pathlib import Path

from jobs.model import Status
from jobs.printable import printable, shortened
from reports.screen.merged_words import merged_line, merged_words
from reports.screen.request_words import slowed_words
from reports.screen.session_words import (
    before_words,
    end_words,
    ended_words,
    error_key_words,
    key_words,
    option_words,
    planned_words,
    who_words,
)
from reports.screen.shard_words import shard_words
from reports.screen.verdict import left_out_words, verdict
from reports.screen.wave_words import wave_counts, wave_name
from reports.screen.wording import file_notes, group_words, next_steps
from reports.summary.schema import ErrorSummary, Summary

SHOWN_CODES = 5
SHOWN_KEYS = 5
SHOWN_SESSIONS = 5
SHOWN_WAVES = 10
SHOWN_CHARS = 120


def plain_lines(summary: Summary, folder: Path, encoding: str = "utf-8") -> Iterator[str]:
    """Yields lines of `key: value`; keys are stable, and `encoding` is that of where they are going to."""
    for line in _lines(summary, folder):
        yield printable(line, encoding)


def example(error: ErrorSummary) -> str:
    """One row of an error in words, of bounded length."""
    if not error.samples:
        return ""
    sample = error.samples[0]
    message = f": {shortened(sample.message, SHOWN_CHARS)}" if sample.message else ""
    return f"row {sample.row} {shortened(sample.secret_name, 64)}{message}"


def _lines(summary: Summary, folder: Path) -> Iterator[str]:
    yield f"result: {verdict(summary)}"
    if (slowed := slowed_words(summary)) is not None:
        yield f"slowed: {slowed}"
    yield f"exit_code: {summary.exit_code}"
    yield f"rows: {summary.manifest.rows}"
    for status in Status:
        if rows := summary.by_status.of(status):
            yield f"{status}: {rows} ({group_words(status)})"
    for count, words in left_out_words(summary.left_out, summary.carried):
        yield f"left_out: {count} ({words})"
    yield from _error_lines(summary)
    yield from _key_lines(summary)
    yield from _wave_lines(summary)
    for words in before_words(summary):
        yield f"key_before: {words}"
    for words in shard_words(summary):
        yield f"shards: {words}"
    if summary.plan is not None:
        yield f"plan: {planned_words(summary.plan)}"
    yield from _session_lines(summary)
    for note in file_notes(summary):
        yield f"file: {folder / note.name} ({note.purpose})"
    for step in next_steps(summary, folder):
        yield f"next: {step.command} ({step.why})"
    yield f"notice: {summary.notice}"


def _error_lines(summary: Summary) -> Iterator[str]:
    for error in summary.errors[:SHOWN_CODES]:
        key = f" {words};" if (words := error_key_words(error)) else ";"
        yield f"error: {error.rows} {error.status} {error.error_code or '-'}{key} {example(error)}"
    if (more := len(summary.errors) - SHOWN_CODES) > 0:
        yield f"more_errors: {more} (in summary.json)"


def _key_lines(summary: Summary) -> Iterator[str]:
    for one in summary.keys[:SHOWN_KEYS]:
        yield f"key: {one.kms_key_id}{f' ({one.state})' if one.state else ''}; {key_words(one)}"
    if (more := len(summary.keys) - SHOWN_KEYS + summary.more_keys) > 0:
        yield f"more_keys: {more} (in summary.json)"


def _wave_lines(summary: Summary) -> Iterator[str]:
    for wave in summary.waves[:SHOWN_WAVES]:
        yield f"wave: {shortened(wave_name(wave), SHOWN_CHARS)}; {wave_counts(wave)}"
    if (more := len(summary.waves) - SHOWN_WAVES) > 0:
        yield f"more_waves: {more} (in summary.json)"


def _session_lines(summary: Summary) -> Iterator[str]:
    if aspects := merged_words(summary):
        yield f"sessions: {merged_line(aspects)}"
        return
    for session in summary.sessions[-SHOWN_SESSIONS:]:
        words = (option_words(session, summary.job), ended_words(session), end_words(session))
        yield f"session: {session.started_at} {who_words(session)}; {'; '.join(words)}"
    if (more := len(summary.sessions) - SHOWN_SESSIONS) > 0:
        yield f"more_sessions: {more} (in summary.json)"
