"""Makes the process keep to itself: its files, its memory, and the keys of its TLS sessions.

To be called before anything imports aiohttp, which makes a TLS context when it is imported: Python would let that one
write its session keys to the file SSLKEYLOGFILE names.
"""

import ctypes
import os
import sys

_PR_SET_DUMPABLE = 4


def harden() -> None:
    """New files are the owner's alone, no core is dumped, no other process of the user may read this one's memory, and
    no file of the run becomes its standard output.
    """
    _fill_streams()
    os.umask(0o077)
    os.environ.pop("SSLKEYLOGFILE", None)
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - not there on every platform

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        # It may be refused in a container; the limit above holds all the same.
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _fill_streams() -> None:
    """Where a standard stream was closed by the parent process, its number would go to the next file that is opened,
    and Python has nothing to write to.
    """
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)
            if descriptor != number:
                os.dup2(descriptor, number)
                os.close(descriptor)
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 - as Python itself has them
