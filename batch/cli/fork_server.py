"""Starts the process from which a worker of a fleet forks one for each of its shards."""

from batch.process.hardening import harden

if __name__ == "__main__":
    # First of all it keeps to itself: its environment may hold a credential.
    harden()
    from batch.cli.forking import serve

    serve()
