"""What a command has looked at, kept page by page: SQLite, one file, one user at a time."""

from jobs.sightings.sightings import ListedSoFar, Sightings
from jobs.sightings.values import Matched, SeenBy, SeenKey, SeenProject, SeenSecret, SeenVersion, Wanted

__all__ = [
    "ListedSoFar",
    "Matched",
    "SeenBy",
    "SeenKey",
    "SeenProject",
    "SeenSecret",
    "SeenVersion",
    "Sightings",
    "Wanted",
]
