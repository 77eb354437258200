"""Asks a command of the user's between two waves: it receives the state of the run, and gets no credential."""

from collections import deque
from collections.abc import Callable, Mapping

import structlog

from batch.process.command import Command
from jobs.printable import printable, shortened
from jobs.waves import wave_words

WAVE = "CSMS_REKEY_WAVE"
_KEPT_LINES = 20
_MOST_CHARS = 4_000
_OWN = "CSMS_REKEY_"
_OF_LOGINS = ("HUAWEICLOUD_", "OS_", "HW_", "HC_")
_log = structlog.get_logger()


class BetweenCommand:
    """One command for all waves of a run. `summary` is what it is given on standard input once a wave has ended, `say`
    shows what it says, and `clean` takes credentials out of a text.
    """

    def __init__(
        self,
        words: str,
        environment: Mapping[str, str],
        *,
        summary: Callable[[str], bytes],
        clean: Callable[[str], str],
        say: Callable[[str], None],
        grace_s: float,
    ) -> None:
        self._words = words
        self._environment = environment
        self._summary = summary
        self._clean = clean
        self._say = say
        self._grace_s = grace_s
        self._running: Command | None = None

    async def ask(self, wave: str) -> str | None:
        """As `Between`."""
        kept = deque[str](maxlen=_KEPT_LINES)

        def hear(line: str) -> None:
            kept.append(printable(self._clean(line)))
            self._say(kept[-1])

        environment = {**without_credentials(self._environment, self._clean), WAVE: printable(wave)}
        self._running = Command(self._words, environment, hear, grace_s=self._grace_s)
        self._say(f"{wave_words(wave)} is over: --between runs {shortened(self._clean(self._words))}")
        try:
            code = await self._running.run(self._summary(wave))
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            return _refused(wave, f"cannot start: {why}", kept)
        finally:
            self._running = None
        if code:
            ended = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
            return _refused(wave, ended, kept)
        _log.info("between.agreed", wave=wave, reason=shortened(" | ".join(kept)))
        return None

    def stop(self) -> None:
        """As `Between`."""
        if self._running is not None:
            self._running.stop()

    def cancel(self) -> None:
        """As `Between`."""
        if self._running is not None:
            self._running.kill()


def without_credentials(environment: Mapping[str, str], clean: Callable[[str], str]) -> dict[str, str]:
    """What a command may know of ours: no option, nothing that a login is made of, and no value with a secret in it."""
    return {
        name: value
        for name, value in environment.items()
        if not name.upper().startswith((_OWN, *_OF_LOGINS)) and clean(value) == value
    }


def _refused(wave: str, how: str, said: deque[str]) -> str:
    """The words of the command itself stand in no ledger: they may hold anything."""
    _log.warning("between.refused", wave=wave, reason=shortened(" | ".join((how, *said)), _MOST_CHARS))
    return f"the command of --between {how}"
