"""What a reader is shown while a run is going, and how often."""

import msgspec

from jobs.run_view import RunView, ScopeState, ScopeView, WaveStage, WaveView
from reports.screen.changes import Changes, change_lines

RUN, SLOW, WAIT = ScopeState.RUNNING, ScopeState.SLOWED, ScopeState.THROTTLED
OUT, STOP, SETTLE, END = ScopeState.OUTAGE, ScopeState.STOPPED, ScopeState.SETTLING, ScopeState.ENDED


def view(*states: ScopeState) -> RunView:
    scopes = tuple(
        ScopeView(
            project_id=f"{number:08x}" * 4, region="r", state=state, open_rows=1, in_flight=2, allowed_per_s=20.0,
            again_in_s=4.0, unanswered=0.3, accepted_per_s=14.0,
        )
        for number, state in enumerate(states)
    )  # fmt: skip
    return RunView(
        total=9,
        open_rows=9,
        in_flight=0,
        counts=(),
        elapsed_s=1.0,
        rows_per_s=1.0,
        eta_s=None,
        requests_per_s=0.0,
        requests=0,
        scopes=scopes,
    )


def told(*states: ScopeState) -> list[str]:
    """What is reported of one project that is in these states, one a second."""
    changes = Changes()
    lines = (line for state in states for line in change_lines(changes.note(view(state))))
    return [line.removeprefix("project r 00000000: ") for line in lines]


RUNNING = "running, 20/s allowed, 2 in flight"
SLOWED = "30 % of requests failing; continuing at 14/s"
OUTAGE = "service not answering; next probe in 4 s"
AGAIN = "service answering again"


def test_that_a_project_begins_runs_and_ends_is_nothing_new() -> None:
    assert told(RUN, RUN, END) == []


def test_that_a_project_waits_for_its_wave_and_runs_again_is_nothing_new() -> None:
    wait = ScopeState.WAITING
    assert told(wait, wait, RUN, wait, RUN, END) == []
    assert told(RUN, OUT, wait, RUN) == [OUTAGE]


def test_each_wave_is_told_when_it_begins_and_when_it_is_over() -> None:
    changes, wave = Changes(), WaveView(name="eu", number=2, waves=5, stage=WaveStage.RUNNING)
    soaking = msgspec.structs.replace(wave, stage=WaveStage.SOAKING, following="", again_in_s=552.0)
    asking = msgspec.structs.replace(soaking, stage=WaveStage.ASKING)
    stages = (None, wave, wave, soaking, soaking.again_in(551.0), asking)
    lines = [line for one in stages for line in changes.of_wave(msgspec.structs.replace(view(), wave=one))]
    assert lines == [
        "wave 2 of 5: wave 'eu'",
        "wave 2 of 5 is over; the wave of rows without a value begins in 9 min 12 s",
        "wave 2 of 5 is over; the command of --between decides whether the wave of rows without a value begins",
    ]


def test_an_outage_and_its_end_are_told_at_once() -> None:
    assert told(RUN, OUT, OUT, RUN, RUN) == [OUTAGE, AGAIN]
    assert told(OUT, SLOW, RUN) == [OUTAGE, AGAIN]


def test_an_outage_of_the_login_is_told_as_such() -> None:
    changes = Changes()
    states = ((OUT, "user ann"), (RUN, None), (OUT, None), (RUN, None))
    views = [
        msgspec.structs.replace(view(state), scopes=(msgspec.structs.replace(view(state).scopes[0], login=login),))
        for state, login in states
    ]
    lines = [change.words for one in views for change in changes.note(one)]
    assert lines == [
        "login not answering; next try in 4 s; source: user ann",
        "login answering again",
        OUTAGE,
        AGAIN,
    ]


def test_what_slows_a_project_is_told_once_it_lasts_and_again_when_it_has_passed_as_long() -> None:
    assert told(*[SLOW] * 4, *[RUN] * 9) == []
    assert told(*[SLOW] * 5) == [SLOWED]
    assert told(*[SLOW] * 500) == [SLOWED]
    assert told(*[SLOW] * 500, *[RUN] * 4) == [SLOWED]
    assert told(*[SLOW] * 500, *[RUN] * 5) == [SLOWED, RUNNING]


def test_what_comes_and_goes_is_told_by_what_there_is_more_of() -> None:
    assert told(*[SLOW, RUN] * 100) == []
    assert told(*[SLOW, SLOW, RUN] * 100) == [SLOWED]
    assert len(told(*[SLOW, WAIT] * 100)) == 1


def test_an_outage_that_was_slow_before_and_after_is_told_in_three_lines() -> None:
    assert told(*[SLOW] * 9, OUT, *[SLOW] * 9) == [SLOWED, OUTAGE, AGAIN, SLOWED]


def test_a_stop_and_rows_that_wait_in_doubt_are_told_at_once() -> None:
    assert told(RUN, STOP, STOP) == ["stopped: no more requests"]
    assert told(RUN, SETTLE) == ["outcome of some rows uncertain; checking in 4 s"]


def test_a_thousand_changes_at_once_are_not_a_thousand_lines() -> None:
    lines = list(change_lines(Changes().note(view(*[OUT] * 1000))))
    assert len(lines) == 11
    assert lines[-1] == "and 990 more projects changed state"
