"""What the meter of a scope shows, counted by hand."""

from batch.flow.meter import Meter, Reading


def test_at_first_it_shows_nothing() -> None:
    assert Meter().read(100.0) == Reading(refused=0.0, unanswered=0.0, accepted_per_s=0.0, most_per_s=0.0)


def test_shares_are_of_fifty_requests_also_while_there_have_been_fewer() -> None:
    meter = Meter()
    meter.refused()
    meter.unanswered("504")
    meter.unanswered("504")
    meter.accepted(100.0)
    reading = meter.read(100.0)
    assert (reading.refused, reading.unanswered) == (0.02, 0.04)


def test_shares_are_of_the_last_fifty_requests_only() -> None:
    meter = Meter()
    for _ in range(10):
        meter.refused()
        meter.unanswered("504")
    for n in range(40):
        meter.accepted(100.0 + n)
    reading = meter.read(140.0)
    assert (reading.refused, reading.unanswered) == (0.1, 0.1)
    for _ in range(50):
        meter.unanswered("504")
    assert (meter.read(140.0).refused, meter.read(140.0).unanswered) == (0.0, 1.0)
    for _ in range(50):
        meter.refused()
    assert (meter.read(140.0).refused, meter.read(140.0).unanswered) == (1.0, 0.0)


def test_what_was_accepted_counts_for_one_second() -> None:
    meter = Meter()
    for at_s in (100.0, 100.2, 100.9):
        meter.accepted(at_s)
    assert [meter.read(now_s).accepted_per_s for now_s in (100.95, 101.0, 101.19, 101.2, 101.9)] == [3, 2, 2, 1, 0]


def test_the_best_second_is_remembered_for_ten() -> None:
    meter = Meter()
    for n in range(5):
        meter.accepted(100.0 + n / 10)
    meter.accepted(105.0)
    assert [meter.read(now_s).most_per_s for now_s in (105.0, 110.4, 110.5, 115.0, 115.1)] == [5, 5, 1, 1, 0]


def test_a_later_second_as_good_takes_the_place_of_the_best() -> None:
    meter = Meter()
    for start_s in (100.0, 107.0):
        for n in range(5):
            meter.accepted(start_s + n / 10)
    assert [meter.read(now_s).most_per_s for now_s in (110.5, 117.4, 117.5)] == [5, 5, 0]
