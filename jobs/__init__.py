"""The job: what to do, and what is done."""
