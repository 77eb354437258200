"""Says whether an old key may be retired: for programs, for people, and use by use."""
