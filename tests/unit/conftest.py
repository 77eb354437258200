"""A fresh sandbox for each test that asks for one."""

import pytest

from tests.unit.sandbox.asking import Desk


@pytest.fixture
def desk() -> Desk:
    return Desk()
