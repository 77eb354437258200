"""Starts the process from which a worker of a fleet forks one for each of its shards."""

import signal

from batch.process.hardening import harden

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> None:
    """Begins with what holds from the first moment on, and only then imports the rest.

    A signal to all of its processes ends the shard, and not this one: somebody has to say how the shard ended.
    """
    # Its environment may hold a credential.
    harden()
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    from batch.cli.forking import serve  # noqa: PLC0415 - see above

    serve()


if __name__ == "__main__":
    main()
