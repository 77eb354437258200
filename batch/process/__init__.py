"""What belongs to the process as a whole: signals, the event loop, clocks, standard input, limits."""
