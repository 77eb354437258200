"""The run directory: its names, its files, its locks and its room."""
