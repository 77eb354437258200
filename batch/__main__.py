"""Runs the command line as `python -m batch`."""

import sys

from batch.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
