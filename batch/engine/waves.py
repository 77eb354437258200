"""Which wave runs next, and whether it may: pure decisions on how the rows of each wave stand."""

from collections.abc import Collection, Mapping, Sequence

import msgspec

from jobs.ledger import WaveCount
from jobs.waves import stop_words


class Begin(msgspec.Struct, frozen=True, kw_only=True):
    """A wave begins. `after` is the one that ended before it, for which it is waited and asked; None where that is
    behind us, or there was none.
    """

    wave: WaveCount
    after: WaveCount | None = None


class Halt(msgspec.Struct, frozen=True, kw_only=True):
    """No further wave may begin."""

    reason: str


def next_wave(waves: Sequence[WaveCount], ran: Collection[str], accepted: Mapping[str, int]) -> Begin | Halt | None:
    """What comes after the waves that this session `ran`; None where no rows are open but theirs.

    A wave begins once every row of the waves before it is done, but for those `accepted` by a person, in each wave so
    many. One that has begun already, in an earlier session, continues whatever became of those before it, unless this
    session ran some of their rows.
    """
    for place, wave in enumerate(waves):
        if wave.open and wave.name not in ran:
            before = [one for one in waves[:place] if not wave.begun or one.name in ran]
            for one in before:
                if one.not_done > accepted.get(one.name, 0):
                    return Halt(reason=stop_words(one.name, one.not_done, one.rows))
            return Begin(wave=wave, after=before[-1] if before else None)
    return None


def accepted_by_hand(waves: Sequence[WaveCount], stopped: str | None) -> dict[str, int]:
    """What a person accepts who resumes: rows that have ended and are not done. Where the session before was `stopped`
    over a wave, that includes the rows that it left open, as the person has seen them.
    """
    return {
        wave.name: wave.not_done if stopped == stop_words(wave.name, wave.not_done, wave.rows) else _ended(wave)
        for wave in waves
    }


def soak_left_s(after: WaveCount, soak_s: float, utc_s: float) -> float:
    """How long to send nothing yet: the time counts from the last answer to a request of the wave, whichever session
    sent it. A clock that was set back makes it no longer than it is.
    """
    if after.ended_at is None:
        return 0.0
    return min(soak_s, max(0.0, after.ended_at + soak_s - utc_s))


def _ended(wave: WaveCount) -> int:
    return wave.not_done - wave.open
