# Two commands do all the set-up: `make demo` and `make test`. Each makes its own environment from a lock file.
PYTHON ?= python3
# Where the tests have their environment; each Python needs one of its own.
TEST_VENV ?= .venv/test
# Locked wheels only: nothing is built but this project itself.
PIP = -m pip --disable-pip-version-check --quiet install
SELF = --no-deps --no-build-isolation --editable .
# pip would say so in a page of versions.
NEEDED = @$(PYTHON) -c 'import sys; sys.exit("needs Python 3.11 or later" if sys.version_info < (3, 11) else 0)'

.PHONY: demo test fast pytest mutants torture bench audit pictures pages schema lock clean

demo: .venv/demo.done
	.venv/demo/bin/csms-rekey demo

test: $(TEST_VENV).done
	$(TEST_VENV)/bin/ruff check .
	$(TEST_VENV)/bin/ruff format --check .
	$(TEST_VENV)/bin/mypy
	$(TEST_VENV)/bin/python -m pytest -q -n auto --dist worksteal

# Before each commit, in half a minute: everything that starts no process and is not slow.
fast: $(TEST_VENV).done
	$(TEST_VENV)/bin/ruff check .
	$(TEST_VENV)/bin/ruff format --check .
	$(TEST_VENV)/bin/mypy
	$(TEST_VENV)/bin/python -m pytest -q -n auto -m "not slow" tests/unit tests/test_architecture.py

# The tests alone, for one more Python: `make pytest PYTHON=python3.13 TEST_VENV=.venv/test-3.13`.
pytest: $(TEST_VENV).done
	$(TEST_VENV)/bin/python -m pytest -q -n auto --dist worksteal

.venv/demo.done: requirements.lock pyproject.toml
	$(NEEDED)
	$(PYTHON) -m venv .venv/demo
	.venv/demo/bin/python $(PIP) --require-hashes --requirement requirements.lock
	.venv/demo/bin/python $(PIP) $(SELF)
	touch $@

$(TEST_VENV).done: tests/requirements.lock pyproject.toml
	$(NEEDED)
	$(PYTHON) -m venv $(TEST_VENV)
	$(TEST_VENV)/bin/python $(PIP) --require-hashes --requirement tests/requirements.lock
	$(TEST_VENV)/bin/python $(PIP) $(SELF)
	touch $@

# Needs uv. The locks name versions and hashes, no host, and serve every platform and every Python from 3.11 on.
COMPILE = uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --python-version 3.11 pyproject.toml
lock:
	$(COMPILE) --group build --output-file requirements.lock
	$(COMPILE) --group dev --output-file tests/requirements.lock

# How many small changes to the pure decisions the unit and engine tests notice; a sample, `ARGUMENTS=--all` for all.
mutants: .venv/mutants.done
	.venv/mutants/bin/python -m tests.mutants $(ARGUMENTS)

.venv/mutants.done: tests/requirements.lock
	$(PYTHON) -m venv .venv/mutants
	.venv/mutants/bin/python $(PIP) --require-hashes --requirement tests/requirements.lock
	.venv/mutants/bin/python $(PIP) 'mutmut>=3.8,<4'
	touch $@

# Longer than a test suite should be: thousands of kills and simulated runs, with figures.
torture: $(TEST_VENV).done
	$(TEST_VENV)/bin/python -m tests.torture

# Writes tests/bench/RESULTS.md; wants a machine that does nothing else. `ARGUMENTS='--only report'` measures the
# sections whose titles say so, and keeps the others.
bench: $(TEST_VENV).done .venv/old.done
	$(TEST_VENV)/bin/python -m tests.bench $(ARGUMENTS)

# The libraries of the commit that bench measures beside; without them that commit runs with those of this one.
.venv/old.done:
	-$(PYTHON) -m venv .venv/old && git show c843db7:requirements.lock > .venv/old.lock && \
		.venv/old/bin/python $(PIP) --require-hashes --requirement .venv/old.lock
	touch $@

audit: .venv/audit.done
	.venv/audit/bin/bandit --quiet --recursive jobs batch reports --configfile pyproject.toml
	.venv/audit/bin/pip-audit --require-hashes --requirement requirements.lock

.venv/audit.done:
	$(NEEDED)
	$(PYTHON) -m venv .venv/audit
	.venv/audit/bin/python $(PIP) 'bandit[toml]' pip-audit
	touch $@

# Pictures of the terminal and the page, of a real demo run; needs chromium.
pictures: $(TEST_VENV).done
	$(TEST_VENV)/bin/python -m tests.pages.pictures docs/pictures

# What docs/commands.md and docs/environment.md say of commands and options, from the program itself.
pages: $(TEST_VENV).done
	$(TEST_VENV)/bin/python -m tests.docs.made_pages

schema: $(TEST_VENV).done
	$(TEST_VENV)/bin/python -c "from reports.summary.schema import summary_schema as s; open('docs/summary.schema.json', 'wb').write(s())"

clean:
	rm -rf .venv .pdm-build dist
