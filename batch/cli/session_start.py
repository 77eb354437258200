"""What is put on record of a session when it begins: who runs it, with which login, and which options differ."""

import os
import pwd
import socket

import msgspec

from batch.csms.access import Access
from batch.process.version import version
from jobs.job_facts import changed_options
from jobs.ledger import SessionStart
from jobs.printable import shortened
from jobs.spec import JobSpec, Limits


def session_start(command: str, job: JobSpec, limits: Limits, access: Access, *, also_failed: bool) -> SessionStart:
    """A session of `command` with these limits and this login, for a job that was loaded with its own; when it begins
    is filled in when it does.
    """
    shown = access.login.describe()
    asked = msgspec.structs.replace(job, limits=limits, auth=shown.kind)
    # `go` and `fleet shard` have no such option, and take failed rows up by themselves.
    typed = ("--failed",) if also_failed and command == "resume" else ()
    words = (*typed, *changed_options(asked, job))
    return SessionStart(
        started_at=0.0,
        timeout_s=limits.timeout_s,
        also_failed=also_failed,
        command=command,
        release=version(),
        login=shortened(shown.line),
        os_user=shortened(os_user()),
        host=shortened(socket.gethostname()),
        changed=shortened(" ".join(words)) or None,
    )


def this_user() -> str:
    """Who runs this process, and where."""
    return shortened(f"{os_user()} at {socket.gethostname()}")


def os_user() -> str:
    """Whose process it is; the environment may say anything."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        # In a container, a user often has a number and no name.
        return f"uid {os.getuid()}"
