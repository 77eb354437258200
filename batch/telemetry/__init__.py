"""What others may watch while a run is under way: state, screen, metrics, log, a note at the end."""
