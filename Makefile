# Every target makes .venv first when it is missing or older than what it is made from.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready

.PHONY: venv demo test test-browser test-all check format bench
venv: $(READY)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "kmn needs Python 3.11 or newer; say which: make PYTHON=python3.12 …")'
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

demo: $(READY)
	$(VENV)/bin/kmn segment examples/bunny.mp4 --mask examples/bunny.png -o kmn-out --overwrite

# Two processes of one thread each: on a small machine twice as fast as one process of two threads.
test: $(READY)
	OMP_NUM_THREADS=1 $(PY) -m pytest -n 2 -m 'not slow and not gpu and not browser'

# The local pages, in a real browser: apt install chromium.
test-browser: $(READY)
	OMP_NUM_THREADS=1 $(PY) -m pytest -m browser

test-all: $(READY)
	OMP_NUM_THREADS=1 $(PY) -m pytest -n 2

check: $(READY)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

format: $(READY)
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

# make bench PARTS=full measures more, for an hour; the parts stand in tests/benchmarks/__main__.py.
bench: $(READY)
	$(PY) -m tests.benchmarks $(PARTS)
