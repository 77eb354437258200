"""The figures of a run, as values and as `summary.json`."""
