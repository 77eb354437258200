"""`sandbox`: the embedded service on this machine, for rehearsals and tests."""

from batch.sandbox.options import SandboxOptions

_DEFAULT = SandboxOptions()


def sandbox(*, options: SandboxOptions = _DEFAULT) -> int:
    """Serves until a signal."""
    from batch.sandbox.command import serve  # noqa: PLC0415 - --help does without aiohttp

    return serve(options)
