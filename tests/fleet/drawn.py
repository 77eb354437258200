"""Draws a campaign from a seed, plays it, and holds it against what is promised and reckoned."""

from random import Random

from tests.fleet.estimates import at_least_s, at_most_s, lost_s
from tests.fleet.simulated import TIMES, Event, Fault, Fleet, Found, World


def sizes(projects: int, *, mean: int, seed: int) -> tuple[int, ...]:
    """Rows of each project: most have few, some have many."""
    chance = Random(seed)
    return tuple(max(1, round(chance.lognormvariate(0, 1) * mean / 1.65)) for _ in range(projects))


def troubles(count: int, *, machines: int, until_s: float, seed: int) -> tuple[Event, ...]:
    """What befalls the machines, anywhere and at any time."""
    chance = Random(seed)
    return tuple(
        Event(
            at_s=chance.uniform(0, until_s),
            machine=chance.randrange(machines),
            fault=chance.choice(tuple(Fault)),
            for_s=chance.uniform(5, 300),
        )
        for _ in range(count)
    )


def small(seed: int, *, faults: int) -> Fleet:
    """2,000 projects in 8 shards, and so many faults."""
    events = troubles(faults, machines=8, until_s=600, seed=seed)
    return Fleet(rows=sizes(2_000, mean=250, seed=seed), shards=8, machines=8, drift=0.05, events=events, seed=seed)


def large(seed: int, *, mean: int, until_s: float) -> Fleet:
    """20,000 projects in 40 shards on 42 machines, and a hundred faults."""
    events = troubles(100, machines=42, until_s=until_s, seed=seed)
    rows = sizes(20_000, mean=mean, seed=seed)
    return Fleet(rows=rows, shards=40, machines=42, drift=0.05, events=events, seed=seed)


def played(fleet: Fleet) -> Found:
    """How it went, with all that is wrong about it."""
    found = World(fleet).run()
    if found.sent < found.rows:
        found.wrong.append(f"{found.sent} of {found.rows} rows sent")
    # One interval by the clock of the machine, which may be slow, and a turn.
    if found.oldest_again_s > TIMES.snapshot_s * (1 + fleet.drift) ** 2 + 1:
        found.wrong.append(f"what was sent in {found.oldest_again_s} s was sent again")
    again_s = lost_s(fleet) + max((one.for_s for one in fleet.events), default=0.0)
    least_s, most_s = at_least_s(fleet), at_most_s(fleet) + (found.most_tries - 1) * again_s
    if not least_s <= found.makespan_s <= most_s:
        found.wrong.append(f"took {found.makespan_s} s, reckoned {least_s:.0f} to {most_s:.0f} s")
    return found
