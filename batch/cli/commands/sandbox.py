"""`sandbox`: the embedded service on this machine, for rehearsals and tests, until a signal ends it."""

from batch.sandbox.options import SandboxOptions

_DEFAULT = SandboxOptions()

# Option on the command line -> field of `SandboxOptions`, where the unit is not part of the option's name.
_FIELDS = {"fault": "faults", "latency": "latency_ms", "token_life": "token_life_s", "key_life": "key_life_s"}


def sandbox(*, options: SandboxOptions = _DEFAULT) -> int:
    """Serves until a signal."""
    from batch.cli.serving import serve  # noqa: PLC0415 - --help does without aiohttp

    return serve(options)
