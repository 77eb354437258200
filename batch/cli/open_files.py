"""Room for as many open files as a run needs: connections and locks count against a limit of the process."""

import resource

from jobs.printable import counted
from jobs.spec import SpecError

# Files a run has open besides its connections and locks; as many again are left for name lookups and the like.
_OTHER_FILES = 64


def require_files(*, connections: int, locks: int) -> None:
    """Raises the process's own limit as far as needed.

    Raises:
        SpecError: the system does not allow as many.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + locks + _OTHER_FILES
    if 0 <= hard < wanted:
        raise SpecError(
            "concurrency",
            f"{counted(connections, 'request')} and {counted(locks, 'project')} need {wanted} open files,"
            f" the system allows {hard}",
        )
    if 0 <= soft < wanted + _OTHER_FILES:
        limit = wanted + _OTHER_FILES
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit if hard < 0 else min(limit, hard), hard))
