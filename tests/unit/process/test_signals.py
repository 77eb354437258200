"""What a signal does that comes while nothing may be broken off."""

import signal

import pytest

from batch.process.signals import InterruptedBySignal, Interruption


def test_a_signal_that_comes_while_a_loop_is_made_is_noted_and_ends_the_process_after_it() -> None:
    interruption = Interruption()
    with interruption.noting():
        interruption.take(signal.SIGHUP)
    with pytest.raises(InterruptedBySignal, match="SIGHUP"):
        interruption.raise_if_taken()
