"""The client of the service: the only place that speaks HTTP."""
