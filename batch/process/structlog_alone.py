"""Imports structlog without rich: a log is JSON, and rich, which could draw it in colours, is a tenth of the start."""

import sys

if "rich" not in sys.modules:
    # So an import of it says that it is not installed, which structlog is prepared for.
    sys.modules["rich"] = None  # type: ignore[assignment]
    try:
        import structlog  # noqa: F401 - for the next import
    finally:
        del sys.modules["rich"]
