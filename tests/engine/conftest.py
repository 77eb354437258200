"""What the engine's tests share: no log lines, and a folder for each test."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from batch.telemetry.log import silence_log
from tests.engine.places import room


@pytest.fixture
def folder() -> Iterator[Path]:
    found = room()
    yield found
    shutil.rmtree(found)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    silence_log()
    yield
    structlog.reset_defaults()
