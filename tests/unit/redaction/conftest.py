"""Every test of redaction twice: with secrets looked for one by one, and as many are, at once first."""

from collections.abc import Iterator

import pytest


@pytest.fixture(params=[16, -1], ids=["one by one", "at once"], scope="module", autouse=True)
def _many(request: pytest.FixtureRequest) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("batch.redaction.redactor._MANY", request.param)
        yield
