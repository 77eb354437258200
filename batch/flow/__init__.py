"""The pace: pure decisions on when the next request of a scope may leave, behind one door, `Admission`."""
