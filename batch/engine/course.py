"""Leads a session from wave to wave: waits between two of them, asks whether to continue, and says how that stands."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from batch.engine.outside import Outside
from batch.engine.waves import Begin, Halt, accepted_by_hand, next_wave, soak_left_s
from batch.flow.switch import Switch
from jobs.ledger import WaveCount
from jobs.run_view import WaveStage, WaveView
from jobs.waves import halt_words, wave_words

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """What is run next: the open rows of one wave, or all of them where there are no waves."""

    wave: str | None


class Course:
    """The legs of one session. `look` reads how the waves stand, `stopped` is why the session before this one stopped,
    `halt` stops this one, and `note` puts on record what was decided.
    """

    def __init__(
        self,
        look: Callable[[], Sequence[WaveCount]],
        outside: Outside,
        *,
        soak_s: float,
        stopped: str | None,
        halt: Callable[[str], None],
        note: Callable[[str], None],
    ) -> None:
        self._look = look
        self._outside = outside
        self._soak_s = soak_s
        self._halt = halt
        self._note = note
        self._switch = Switch()
        self._ran: list[str] = []
        waves = look()
        self.has_waves = bool(waves)
        self._accepted: Mapping[str, int] = accepted_by_hand(waves, stopped) if outside.by_hand else {}
        self._begun = False
        self._view: WaveView | None = None
        self._until_s = 0.0

    def view(self) -> WaveView | None:
        """Which wave it is; None where there are none, or none has begun."""
        if self._view is None or self._view.stage is not WaveStage.SOAKING:
            return self._view
        return self._view.again_in(max(0.0, self._until_s - self._outside.clock.now_s()))

    def stop(self) -> None:
        """No further leg begins, and what is asked meanwhile is broken off."""
        self._switch.stop()
        if self._outside.between is not None:
            self._outside.between.stop()

    def cancel(self) -> None:
        """The same at once."""
        if self._outside.between is not None:
            self._outside.between.cancel()

    async def next(self) -> Leg | None:
        """What comes next, once it may begin; None where nothing does."""
        if not self.has_waves:
            first, self._begun = not self._begun, True
            return Leg(wave=None) if first else None
        if self._switch.stopped:
            return None
        waves = self._look()
        match next_wave(waves, self._ran, self._accepted):
            case Begin(wave=wave, after=after):
                if after is not None and not await self._crosses(waves, after, wave):
                    return None
                self._ran.append(wave.name)
                self._view = _view(waves, wave, WaveStage.RUNNING)
                _log.info("wave.began", wave=wave.name, rows=wave.rows)
                return Leg(wave=wave.name)
            case Halt(reason=reason):
                self._halt(reason)
            case None:
                pass
        return None

    async def _crosses(self, waves: Sequence[WaveCount], after: WaveCount, wave: WaveCount) -> bool:
        """Whether the next wave may begin after one that has ended."""
        clock = self._outside.clock
        left_s = soak_left_s(after, self._soak_s, clock.utc_s(clock.now_s()))
        if left_s > 0:
            self._until_s = clock.now_s() + left_s
            self._view = _view(waves, after, WaveStage.SOAKING, wave)
            _log.info("wave.soaking", wave=after.name, seconds=left_s)
            await self._switch.sleep(left_s)
        if self._switch.stopped or self._outside.between is None:
            return not self._switch.stopped
        self._view = _view(waves, after, WaveStage.ASKING, wave)
        if (reason := await self._outside.between.ask(after.name)) is not None:
            self._halt(halt_words(after.name, reason))
        else:
            self._note(f"{wave_words(after.name)}: --between agreed")
        return not self._switch.stopped


def _view(
    waves: Sequence[WaveCount], wave: WaveCount, stage: WaveStage, following: WaveCount | None = None
) -> WaveView:
    return WaveView(
        name=wave.name,
        number=[one.name for one in waves].index(wave.name) + 1,
        waves=len(waves),
        stage=stage,
        following=None if following is None else following.name,
    )
