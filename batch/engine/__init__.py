"""The engine: takes the rows of each scope through the service, and records how each one ended."""
