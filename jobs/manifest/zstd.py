"""Zstandard as the standard library has it from Python 3.14 on, and as its backport has it before."""

import sys

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = ["unpacker", "zstd"]

_WINDOW_LOG = 27
"""A frame that needs more than 128 MiB at once is refused."""


def unpacker() -> zstd.ZstdDecompressor:
    """Unpacks one frame, which may also be one to skip."""
    return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _WINDOW_LOG})
