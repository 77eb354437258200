"""The figures of a run as Prometheus reads them."""

import socket
import stat
from pathlib import Path

import pytest

from batch.telemetry.metrics import serving, write_textfile
from jobs.spec import UsageError
from tests.unit.summaries import summary_of
from tests.unit.telemetry.scraping import VIEW, figures, scraped


def test_a_running_run_can_be_scraped() -> None:
    """Rows by status add up to all; counters end in _total; every name begins with the program's."""
    with serving(0, lambda: VIEW) as port:
        found = figures(scraped(port))
    assert sum(value for name, value in found.items() if name.startswith("csms_rekey_rows{")) == 10
    assert found["csms_rekey_rows{status=open}"] == 4
    assert found["csms_rekey_requests_total"] == 9
    assert found[r'csms_rekey_faults_total{code=E"\\n}'] == 3
    place = f"project_id={'a' * 32},region=eu-west-1"
    assert found[f"csms_rekey_scope_allowed_requests_per_second{{{place}}}"] == 0
    assert found[f"csms_rekey_scope_state{{{place},state=throttled}}"] == 1
    assert found[f"csms_rekey_scope_state{{{place},state=running}}"] == 0
    assert all(name.startswith("csms_rekey_") for name in found)


def test_nothing_is_served_after_the_run() -> None:
    """The port is free again."""
    with serving(0, lambda: VIEW) as port:
        pass
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), timeout=5):
        pass


def test_only_this_machine_is_served() -> None:
    """The socket is bound to loopback."""
    with serving(0, lambda: VIEW) as port, socket.socket() as other:
        # 0.0.0.0 would be in use by the server too, if it listened there; 127.0.0.2 is another address of this machine.
        other.bind(("127.0.0.2", port))


def test_a_port_that_is_taken_is_told_before_anything_is_sent() -> None:
    """As wrong use."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with (
            pytest.raises(UsageError, match=f"--metrics-port {port}: Address already in use"),
            serving(port, lambda: VIEW),
        ):
            pass


def test_a_run_that_has_ended_leaves_a_file(tmp_path: Path) -> None:
    """Whole, and readable for the collector."""
    path = tmp_path / "csms.prom"
    write_textfile(path, summary_of(tmp_path))
    found = figures(path.read_text())
    assert found["csms_rekey_rows{status=updated}"] == 1
    assert found["csms_rekey_rows{status=open}"] == 0
    assert found["csms_rekey_exit_code"] == 1
    assert found["csms_rekey_end_time_seconds"] == 1_787_313_610.0
    assert sum(value for name, value in found.items() if name.startswith("csms_rekey_scope_rows{")) == 2
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert [item.name for item in tmp_path.glob("*.prom*")] == ["csms.prom"]


def test_a_file_that_cannot_be_written_is_an_error_of_the_system(tmp_path: Path) -> None:
    """The caller decides what to make of it."""
    summary = summary_of(tmp_path)
    with pytest.raises(OSError, match="No such file"):
        write_textfile(tmp_path / "no" / "csms.prom", summary)
