"""How long to wait before something is tried again: AWS's full jitter, capped before the jitter."""

from random import Random


def jittered_s(tries: int, rng: Random, *, base_s: float, cap_s: float) -> float:
    """Anywhere up to a ceiling that doubles with every try already made (1, 2, ...)."""
    return rng.uniform(0.0, min(cap_s, base_s * 2.0 ** max(0, tries - 1)))
