"""How long a campaign takes, by the formulas of docs/capacity.md."""

from tests.fleet.simulated import NOTICED_AFTER_S, TIMES, Fleet, shared_out


def at_least_s(fleet: Fleet) -> float:
    """How long it takes, machines and storage being perfect: docs/capacity.md."""
    return max(max(fleet.rows) / fleet.rate, sum(fleet.rows) / fleet.capacity / min(fleet.machines, fleet.shards))


def at_most_s(fleet: Fleet) -> float:
    """The longest that it takes where nothing fails, by the same page."""
    turns = -(-fleet.shards // fleet.machines)
    largest = max(map(sum, shared_out(fleet.rows, fleet.shards))) / fleet.capacity
    return turns * (overhead_s(fleet) + largest + max(fleet.rows) / fleet.rate)


def overhead_s(fleet: Fleet) -> float:
    """What a process does besides sending its rows: start, lists, the first and the last snapshot, and its end."""
    lists_s = len(fleet.rows) / fleet.shards / fleet.capacity
    return fleet.start_s + lists_s + 2 * fleet.snapshot_s + 4 * fleet.write_s + 5


def lost_s(fleet: Fleet) -> float:
    """What a lost machine costs its shard at most, once there is another: it is noticed, its lease has to lapse, the
    next owner begins, and sends again what no snapshot had.
    """
    lease_s = TIMES.still_s + fleet.timeout_s
    return NOTICED_AFTER_S + lease_s + overhead_s(fleet) + TIMES.snapshot_s
