"""What every test may use."""

import os
import tempfile

# The tool is tested as an ordinary machine starts it, so no child of a test inherits a variable of Python's own:
# PYTHONUNBUFFERED, for one, hides what a full stdout does to an exit code.
for _name in [name for name in os.environ if name.startswith("PYTHON")]:
    del os.environ[_name]

# Nor does any test lock a project where the runs of this machine do.
os.environ["CSMS_REKEY_LOCK_DIR"] = tempfile.mkdtemp(prefix="csms-rekey-test-locks-")
