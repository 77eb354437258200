"""A wave in words: what it is called, and why it stopped a run."""

from jobs.printable import counted
from jobs.problem import quoted

NEXT_WAVE = ", so the next wave did not begin"
"""How the reason of every such stop ends."""


def wave_words(name: str) -> str:
    """A wave by its value, safe to show and of bounded length."""
    return f"wave {quoted(name)}" if name else "the wave of rows without a value"


def stop_words(name: str, not_done: int, rows: int) -> str:
    """Why no later wave begins where rows of one are not done."""
    return halt_words(name, f"{not_done:,} of {counted(rows, 'row')} not done")


def halt_words(name: str, why: str) -> str:
    """Why the wave after this one does not begin."""
    return f"{wave_words(name)}: {why}{NEXT_WAVE}"
