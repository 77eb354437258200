"""A wave in the end of a run: its name, and how its rows stand."""

from jobs.printable import counted
from reports.summary.sessions import WaveSummary


def wave_name(wave: WaveSummary) -> str:
    """What it is called."""
    return wave.name or "(no value)"


def wave_counts(wave: WaveSummary) -> str:
    """How its rows stand."""
    counts = ((wave.done, "done"), (wave.fix_first, "fix first"), (wave.run_again, "run again"))
    return f"{counted(wave.rows, 'row')}: {', '.join(f'{number:,} {word}' for number, word in counts if number)}"
