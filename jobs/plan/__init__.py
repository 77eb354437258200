"""A plan: what a run would do with each row, decided from what the service showed, and kept so that it can be run."""
