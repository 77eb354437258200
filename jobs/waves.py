"""A wave in words: what it is called, and why it stopped a run."""

from jobs.problem import quoted


def wave_words(name: str) -> str:
    """A wave by its value, safe to show and of bounded length."""
    return f"wave {quoted(name)}" if name else "the wave of rows without a value"


def stop_words(name: str, not_done: int, rows: int) -> str:
    """Why no later wave begins."""
    return f"{wave_words(name)}: {not_done:,} of {rows:,} rows are not done, so the next wave did not begin"
