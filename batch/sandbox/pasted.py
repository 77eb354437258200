"""What a person pastes into a shell to run against a sandbox."""

import shlex
from collections.abc import Iterator
from pathlib import Path

from batch.sandbox.ready import Ready


def to_paste(ready: Ready, manifest: Path | None) -> str:
    """Lines that set the variables of a run, and its command: of the manifest that the sandbox has written, else of a
    plan that moves every secret to the new key of its project.
    """
    return "\n".join((*_variables(ready), shlex.join(("csms-rekey", *_words(ready, manifest)))))


def _variables(ready: Ready) -> Iterator[str]:
    yield f"export CSMS_REKEY_ENDPOINT={shlex.quote(ready.url)}"
    yield f"export CSMS_REKEY_TOKEN={shlex.quote(ready.token)}"
    yield f"export CSMS_REKEY_PROJECT_ID={shlex.quote(' '.join(ready.project_ids[:1]))}"


def _words(ready: Ready, manifest: Path | None) -> Iterator[str]:
    if manifest is not None:
        yield from ("run", str(manifest.absolute()))
        return
    yield "plan"
    for project_id in ready.project_ids:
        keys = ready.key_ids[project_id]
        yield from ("--project-id", project_id, "--old-key", keys.old, "--new-key", keys.new)
