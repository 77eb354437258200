"""A run in the words of Prometheus: on a port of this machine during the run, in a file when it has ended."""

import contextlib
import socket
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from jobs.model import Status
from jobs.printable import printable
from jobs.run_dir.durable import require_plain, whole_file
from jobs.run_view import SENDING, RunView, ScopeState
from jobs.spec import UsageError
from reports import Summary
from reports.moment import utc_seconds

_LOOPBACK = "127.0.0.1"
_OPEN = "open"
_ANY_READER = 0o644
_SCOPE = ("region", "project_id")


def require_port(port: int) -> None:
    """Finds out before anything is made whether a port can be had; 0 always can.

    Raises:
        UsageError: it is taken, or may not be used.
    """
    with socket.socket() as probe:
        # As the server will: a port that was served from a moment ago is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_LOOPBACK, port))
        except OSError as error:
            raise UsageError(f"--metrics-port {port}: {error.strerror}") from error


@contextlib.contextmanager
def serving(port: int, latest: Callable[[], RunView]) -> Iterator[int]:
    """Serves /metrics on loopback while the block runs, from its own thread; port 0 takes a free one.

    `latest` gives a value, so the thread never meets a run that is changing. Yields the port.

    Raises:
        UsageError: the port cannot be had.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Now(latest))
    try:
        server, thread = start_http_server(port, addr=_LOOPBACK, registry=registry)
    except OSError as error:
        raise UsageError(f"--metrics-port {port}: {error.strerror}") from error
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def write_textfile(path: Path, summary: Summary) -> None:
    """Writes the figures of a run that has ended for node_exporter's textfile collector, whole or not at all.

    Anybody may read it: the collector runs as another user, and it names no secret.

    Raises:
        OSError: it cannot be written.
    """
    _write(path, _Ended(summary))


def write_exit(path: Path, exit_code: int, *, ended_s: float) -> None:
    """Writes the same for an end without a summary: the file then has no figures, not even those of an earlier run.

    Raises:
        OSError: it cannot be written.
    """
    _write(path, _EndedEarly(exit_code, ended_s))


def _write(path: Path, figures: Collector) -> None:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(figures)
    require_plain(path)
    with whole_file(path) as file:
        file.write(generate_latest(registry))
    path.chmod(_ANY_READER)


class _Now(Collector):
    def __init__(self, latest: Callable[[], RunView]) -> None:
        self._latest = latest

    def collect(self) -> Iterable[Metric]:
        view = self._latest()
        rows = dict.fromkeys(Status, 0) | {count.status: count.rows for count in view.counts}
        yield _rows({status.value: count for status, count in rows.items()} | {_OPEN: view.open_rows})
        yield _gauge("requests_in_flight", "Requests in flight.", view.in_flight)
        yield _gauge("rows_per_second", "Rows that ended per second, over the last ten seconds.", view.rows_per_s)
        yield _gauge("elapsed_seconds", "Seconds since this run or resume began.", view.elapsed_s)
        if view.eta_s is not None:
            yield _gauge(
                "remaining_seconds", "Seconds left for the open rows, at the rate of the last minute.", view.eta_s
            )
        sent = "Requests sent since this run or resume began, reads included."
        yield CounterMetricFamily(_name("requests"), sent, value=view.requests)
        faults = CounterMetricFamily(_name("faults"), "Requests that failed, by code.", labels=("code",))
        for fault in view.faults:
            # The library escapes line feeds, and no other way to end a line.
            faults.add_metric((printable(fault.code),), fault.requests)
        yield faults
        yield from _scopes(view)


class _Ended(Collector):
    def __init__(self, summary: Summary) -> None:
        self._summary = summary

    def collect(self) -> Iterable[Metric]:
        summary = self._summary
        yield _rows({status.value: summary.by_status.of(status) for status in Status} | {_OPEN: 0})
        yield _exit_code(summary.exit_code)
        yield _gauge("work_seconds", "Time spent running, over all runs and resumes.", summary.timing.wall_s)
        ended = _labelled("scope_rows", "Rows of a project by what has to be done about them.", (*_SCOPE, "group"))
        for scope in summary.scopes:
            place = (scope.region or "", scope.project_id)
            ended.add_metric((*place, "done"), scope.done)
            ended.add_metric((*place, "fix_first"), scope.fix_first)
            ended.add_metric((*place, "run_again"), scope.run_again)
        yield ended
        if summary.timing.ended_at is not None:
            yield _end_time(utc_seconds(summary.timing.ended_at))


class _EndedEarly(Collector):
    def __init__(self, exit_code: int, ended_s: float) -> None:
        self._exit_code = exit_code
        self._ended_s = ended_s

    def collect(self) -> Iterable[Metric]:
        yield _exit_code(self._exit_code)
        yield _end_time(self._ended_s)


def _exit_code(code: int) -> Metric:
    return _gauge("exit_code", "Exit code of the last run or resume.", code)


def _end_time(utc_s: float) -> Metric:
    return _gauge("end_time_seconds", "When the last run or resume ended, in seconds since 1970.", utc_s)


def _scopes(view: RunView) -> Iterator[Metric]:
    waiting = _labelled("scope_open_rows", "Rows of a project that have not ended.", _SCOPE)
    allowed = _labelled("scope_allowed_requests_per_second", "Requests per second that a project may send now.", _SCOPE)
    states = _labelled("scope_state", "1 for the state that a project is in, 0 for the others.", (*_SCOPE, "state"))
    for scope in view.scopes:
        place = (scope.region or "", scope.project_id)
        waiting.add_metric(place, scope.open_rows)
        allowed.add_metric(place, scope.allowed_per_s if scope.state in SENDING else 0.0)
        for state in ScopeState:
            states.add_metric((*place, state.value), float(scope.state is state))
    yield from (waiting, allowed, states)


def _rows(rows: dict[str, int]) -> Metric:
    family = _labelled("rows", "Rows of the manifest by status; open are those that have not ended.", ("status",))
    for status, count in rows.items():
        family.add_metric((status,), count)
    return family


def _gauge(name: str, what: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(_name(name), what, value=value)


def _labelled(name: str, what: str, labels: tuple[str, ...]) -> GaugeMetricFamily:
    return GaugeMetricFamily(_name(name), what, labels=labels)


def _name(name: str) -> str:
    return f"csms_rekey_{name}"
