"""What every test may use."""

import os

# The tool is tested as an ordinary machine starts it, so no child of a test inherits a variable of Python's own:
# PYTHONUNBUFFERED, for one, hides what a full stdout does to an exit code.
for _name in [name for name in os.environ if name.startswith("PYTHON")]:
    del os.environ[_name]
