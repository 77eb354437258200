"""Scenarios for hypothesis: small ones first, so that a failure shrinks to a row and a fault."""

from hypothesis import strategies as st

from batch.sandbox.lists import Markers
from tests.engine.crash import FAILS, MOMENTS, CrashPoint
from tests.engine.plans import ACCESSES, OUTAGE_FAULTS, READ_FAULTS, WRITE_FAULTS, Down, Weather
from tests.engine.scenario import PROJECTS, SECRETS, Kind, Pause, Planned, Row, Scenario, Stop

_projects = st.integers(0, PROJECTS - 1)
_secrets = st.integers(0, SECRETS - 1)
_left_out = st.lists(_secrets, max_size=3, unique=True)
_kinds = st.one_of(*[st.just(Kind.PLAIN)] * 5, st.sampled_from(Kind))
_rows = st.lists(st.builds(Row, _projects, _secrets, _kinds), min_size=1, max_size=14)
_write_faults = st.lists(st.sampled_from(WRITE_FAULTS), max_size=6)
_read_faults = st.lists(st.sampled_from(READ_FAULTS), max_size=5)


@st.composite
def _rows_with_faults(draw: st.DrawFn) -> tuple[tuple[Row, ...], tuple[Planned, ...]]:
    """Rows, and for the secrets that they name the faults of the first writes and reads."""
    rows = tuple(draw(_rows))
    faults = [
        Planned(row.project, row.secret, access, nth, name)
        for row in rows
        for access, names in (("write", _write_faults), ("read", _read_faults))
        for nth, name in enumerate(draw(names), 1)
    ]
    return rows, tuple(faults)


_outages = st.lists(
    st.builds(
        Down,
        st.sampled_from(ACCESSES),
        st.sampled_from((0.0, 0.3, 5.0)),
        st.sampled_from((2.0, 30.0, 400.0, 2_000.0)),
        st.sampled_from(OUTAGE_FAULTS),
    ),
    max_size=2,
)
_weather = st.builds(
    Weather,
    st.sampled_from((0.0, 0.05, 0.3, 0.9)),
    st.sampled_from((0.0, 0.05, 0.5, 0.95)),
    st.sampled_from((0.0, 0.02, 0.5)),
    st.sampled_from((0.0, 0.1, 0.6)),
    st.sampled_from((5.0, 30.0, 200.0, 1e9)),
    st.integers(0, 2**16),
)
_deaths = st.lists(st.builds(CrashPoint, st.sampled_from((*MOMENTS, FAILS)), st.integers(1, 20)), max_size=3)
_stops = st.builds(Stop, st.floats(0.0, 5.0, allow_nan=False), st.booleans())
_pauses = st.builds(Pause, st.floats(0.0, 20.0, allow_nan=False), st.sampled_from((0.1, 5.0, 2_000.0)))


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    """Any job of up to 14 rows with faults for each and up to three deaths."""
    rows, faults = draw(_rows_with_faults())
    return Scenario(
        rows=rows,
        left_out=tuple(draw(st.one_of(st.just([]), _left_out))),
        faults=faults,
        outages=tuple(draw(st.one_of(st.just([]), _outages))),
        weather=draw(st.one_of(st.none(), _weather)),
        herd=draw(st.sampled_from((0, 0, 0, 40, 150))),
        rate=draw(st.sampled_from(("20/s", "2/s", "100/s", "30/m", "unlimited"))),
        burst=draw(st.sampled_from((1, 2, 5))),
        concurrency=draw(st.sampled_from((1, 2, 4, 32))),
        max_attempts=draw(st.sampled_from((1, 2, 3, 5))),
        timeout_s=draw(st.sampled_from((2.0, 10.0, 60.0))),
        quota=draw(st.sampled_from((None, None, "3/s", "20/m"))),
        rival=draw(st.sampled_from((0.0, 0.0, 0.5))),
        stubborn=draw(st.sampled_from((0, 0, 2, 10))),
        deaths=tuple(draw(_deaths)),
        stop=draw(st.one_of(st.none(), _stops)),
        pause=draw(st.one_of(st.none(), _pauses)),
        lists=draw(st.booleans()),
        page_size=draw(st.sampled_from((1_000, 1, 3))),
        markers=draw(st.sampled_from(Markers)),
        hidden=tuple(draw(st.one_of(st.just([]), _left_out))),
        waves=draw(st.sampled_from((0, 0, 0, 2, 3))),
        seed=draw(st.integers(0, 2**16)),
    )
