"""How a run ended: one sentence for a heading, its cause, and both on one line."""

from jobs.printable import counted, printable, shortened
from reports.exit_code import Exit
from reports.screen.wording import SIGNALS, mended_first
from reports.summary.schema import Summary

_CAUSE_CHARS = 200


def headline(summary: Summary) -> str:
    """What happened, in one sentence; the reason is `cause`."""
    rows = _rows(summary)
    left = _left(summary, rows)
    match summary.exit_code:
        case Exit.DONE if not summary.manifest.rows:
            return "Nothing to do: the manifest has no rows."
        case Exit.DONE:
            if not rows:
                return "Nothing to do: no row was selected."
            selected = "selected " if summary.left_out else ""
            return f"The only {selected}row is done." if rows == 1 else f"All {rows:,} {selected}rows are done."
        case Exit.NOT_ALL_DONE if _only_carried(summary, rows):
            return f"The run finished, but the plan could not do {counted(summary.carried, 'row')}."
        case code:
            was = "was " if code in SIGNALS else ""
            return f"The run {was}{_end(code)}{', but' if code == Exit.NOT_ALL_DONE else ':'} {left}."


def cause(summary: Summary) -> str | None:
    """Why it stopped or, if it did not, why most of the rows that are not done are not; one sentence."""
    if (reason := _reason(summary)) is not None:
        return f"Cause: {_ended(reason)}"
    if summary.exit_code != Exit.NOT_ALL_DONE or not summary.errors:
        return None
    most = summary.errors[0]
    message = next((sample.message for sample in most.samples if sample.message), None)
    status, code = most.status.value, most.error_code
    how = status.replace("_", " ") if code in {"", status} else f"with {code}"
    words = f"{counted(most.rows, 'row')} {how}{f': {message}' if message else ''}"
    return f"{'Most often' if len(summary.errors) > 1 else 'Cause'}: {_ended(words)}"


def verdict(summary: Summary) -> str:
    """Both on one line, without a full stop."""
    rows = _rows(summary)
    left = f"{rows - summary.by_group.done:,} of {counted(rows, 'row')} not done"
    if _only_carried(summary, rows):
        left = f"{counted(rows, 'row')} done" if rows else "nothing was to be sent"
    apart = "".join(
        f"; {counted(count, 'row')} {words}" for count, words in left_out_words(summary.left_out, summary.carried)
    )
    return f"{_verdict(summary, rows, left)}{apart}"


def left_out_words(left_out: int, carried: int) -> tuple[tuple[int, str], ...]:
    """Rows that a job never sends, and why."""
    both = ((carried, "the plan could not do"), (left_out - carried, "not selected"))
    return tuple((count, words) for count, words in both if count)


def _verdict(summary: Summary, rows: int, left: str) -> str:
    because = "" if (reason := _reason(summary)) is None else f": {reason}"
    match summary.exit_code:
        case Exit.DONE if not summary.manifest.rows:
            return "nothing to do: the manifest has no rows"
        case Exit.DONE:
            return f"all done: {counted(rows, 'row')}"
        case Exit.NOT_ALL_DONE:
            return f"{_end(Exit.NOT_ALL_DONE)}{':' if _only_carried(summary, rows) else ', but'} {left}"
        case code:
            return f"{_end(code)}{because}; {left}"


def _end(code: int) -> str:
    """How it ended, whatever became of its rows."""
    match code:
        case Exit.NOT_ALL_DONE:
            return "finished"
        case Exit.STOPPED_EARLY:
            return "stopped early"
        case _ if code in SIGNALS:
            return f"interrupted by {Exit(code).name}"
        case _:
            return f"ended with exit code {code}"


def _reason(summary: Summary) -> str | None:
    """What stopped it, in few words where it is known; a signal is a reason by itself."""
    if summary.exit_code in {Exit.DONE, Exit.NOT_ALL_DONE, *SIGNALS}:
        return None
    causes = [advice.cause for advice in mended_first(summary)]
    held = (f"key {key.kms_key_id} is held back: {key.reason}" for key in summary.held_keys)
    reasons = [*causes, *held, summary.stopped, *(scope.stopped for scope in summary.scopes)]
    first = next((reason for reason in reasons if reason), None)
    return None if first is None else printable(first)


def _rows(summary: Summary) -> int:
    return summary.manifest.rows - summary.left_out


def _only_carried(summary: Summary, rows: int) -> bool:
    """Whether all that is missing is what the plan could not do."""
    return bool(summary.carried) and rows == summary.by_group.done


def _left(summary: Summary, rows: int) -> str:
    left = rows - summary.by_group.done
    if not left:
        return "every row is done"
    if left == rows > 1:
        return f"none of the {rows:,} rows is done"
    return f"{left:,} of {counted(rows, 'row')} {'is' if left == 1 else 'are'} not done"


def _ended(words: str) -> str:
    """A sentence needs one full stop."""
    shown = shortened(words, _CAUSE_CHARS)
    return shown if shown.endswith(("...", "?", "!")) else f"{shown.rstrip('. ')}."
