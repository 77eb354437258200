"""The worker: sends what a job asks for and records how each row ended."""
