"""Run directories for the tests of all reports."""

import pytest

from tests.unit.reports.runs import MakeRun, run_maker


@pytest.fixture(scope="session")
def make_run(tmp_path_factory: pytest.TempPathFactory) -> MakeRun:
    return run_maker(tmp_path_factory)
