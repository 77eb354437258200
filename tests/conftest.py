"""What every test may use."""

import os
import tempfile
from collections.abc import Iterator

import pytest

from batch.redaction.redactor import PROCESS_REDACTOR

# The tool is tested as an ordinary machine starts it, so no child of a test inherits a variable of Python's own:
# PYTHONUNBUFFERED, for one, hides what a full stdout does to an exit code.
for _name in [name for name in os.environ if name.startswith("PYTHON")]:
    del os.environ[_name]

# Nor does any test lock a project where the runs of this machine do.
os.environ["CSMS_REKEY_LOCK_DIR"] = tempfile.mkdtemp(prefix="csms-rekey-test-locks-")


@pytest.fixture(autouse=True)
def _no_secret_outlives_its_test() -> Iterator[None]:
    """What a test logs in with in this process is no secret in the texts of the next."""
    sources = PROCESS_REDACTOR._sources
    known = list(sources)
    yield
    sources[:] = known
