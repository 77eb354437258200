"""Standard input, and the signals that come while nothing comes from it."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType, SimpleNamespace

import pytest

from batch.process.standard_input import StandardInput

_LONG_S = 10


class _Signalled(BaseException):
    """What the handler of a signal raises."""


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The writer's end of what is standard input."""
    reader, writer = os.pipe()
    monkeypatch.setattr("sys.stdin", SimpleNamespace(fileno=lambda: reader))
    try:
        yield writer
    finally:
        os.close(reader)
        os.close(writer)


def signalling(after: threading.Event) -> threading.Thread:
    """Has the signal taken by another thread, so that the main one stays in its system call, like one that
    begins just after the signal came.
    """

    def signal_this_thread() -> None:
        after.wait(_LONG_S)
        signal.pthread_kill(threading.get_ident(), signal.SIGHUP)

    return threading.Thread(target=signal_this_thread)


def test_a_signal_that_breaks_off_no_system_call_ends_the_reading(pipe: int) -> None:
    def raising(_number: int, _frame: FrameType | None) -> None:
        raise _Signalled

    before = signal.signal(signal.SIGHUP, raising)
    begun = threading.Event()
    signaller = signalling(begun)
    spoken: list[int] = []
    # Ends a read that the signal does not end.
    speaking = threading.Timer(_LONG_S, lambda: spoken.append(os.write(pipe, b"late")))
    try:
        speaking.start()
        signaller.start()
        # Most likely the read waits by then; a signal that comes earlier must end it just the same.
        threading.Timer(0.1, begun.set).start()
        with pytest.raises(_Signalled):
            StandardInput().read(10)
    finally:
        signal.signal(signal.SIGHUP, before)
        speaking.cancel()
        signaller.join()
    assert spoken == []
    assert signal.set_wakeup_fd(-1) == -1


def test_a_signal_whose_handler_raises_nothing_lets_the_reading_go_on(pipe: int) -> None:
    def taking(_number: int, _frame: FrameType | None) -> None:
        os.write(pipe, b"said")

    before = signal.signal(signal.SIGHUP, taking)
    begun = threading.Event()
    signaller = signalling(begun)
    try:
        signaller.start()
        begun.set()
        assert StandardInput().read(10) == b"said"
    finally:
        signal.signal(signal.SIGHUP, before)
        signaller.join()


def test_what_there_is_is_read_at_once_and_nothing_is_the_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_bytes(b"secret_name,new_kms_key_id\n")
    with path.open("rb") as source:
        monkeypatch.setattr("sys.stdin", source)
        parts = [StandardInput().read(size) for size in (6, 100, 100)]
    assert parts == [b"secret", b"_name,new_kms_key_id\n", b""]
