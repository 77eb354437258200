"""The command line: parses, asks, runs one command and answers with an exit code."""
