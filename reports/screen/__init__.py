"""What a terminal shows while a run is under way and at its end."""
