"""The job: what is to be done, and where it stands."""
