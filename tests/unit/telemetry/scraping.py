"""A run as Prometheus sees it: a view of one, and what a scrape of it gets."""

import urllib.request

from prometheus_client.parser import text_string_to_metric_families

from jobs.model import Status, StatusCount
from jobs.run_view import FaultCount, RunView, ScopeState, ScopeView

VIEW = RunView(
    total=10,
    open_rows=4,
    in_flight=2,
    counts=(StatusCount(status=Status.UPDATED, rows=5), StatusCount(status=Status.FAILED, rows=1)),
    elapsed_s=12.5,
    rows_per_s=0.5,
    eta_s=8.0,
    requests_per_s=0.7,
    requests=9,
    scopes=(
        ScopeView(
            project_id="a" * 32,
            region="eu-west-1",
            state=ScopeState.THROTTLED,
            open_rows=4,
            in_flight=2,
            allowed_per_s=20.0,
        ),
    ),
    faults=(FaultCount(code='E"\\\n', requests=3, message="m"),),
)


def figures(text: str) -> dict[str, float]:
    """Every sample by name and labels; the text is what Prometheus' own parser takes."""
    found = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def scraped(port: int | None) -> str:
    """What a scrape of the port gets."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        text: str = answer.read().decode()
        return text
