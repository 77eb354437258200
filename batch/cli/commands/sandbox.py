"""`sandbox`: the embedded service on this machine, for rehearsals and tests."""

from collections.abc import Callable

from batch.sandbox.command import serve
from batch.sandbox.options import SandboxOptions
from jobs.spec import UsageError


def sandbox(options: Callable[[], SandboxOptions]) -> int:
    """Serves until a signal.

    Raises:
        UsageError: an option makes no sense.
    """
    try:
        chosen = options()
    except ValueError as error:
        raise UsageError(str(error)) from error
    return serve(chosen)
