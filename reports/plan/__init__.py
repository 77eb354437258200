"""Writes a plan: what a run would do with each row, for programs, for people and for the run itself."""
