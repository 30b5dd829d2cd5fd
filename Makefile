# One command each; every one sets up what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help setup experiment soak service test risks check bench proof clean

help:  ## what there is to do
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  make experiment takes NAME=..., SEED=... to repeat a run, and"
	@echo "  TARGET=compose to have it in containers; proof takes PART=..."

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make PYTHON=python3.11 ..." >&2; exit 2; }
	@echo "setting up $(VENV) (once; takes about a minute) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

setup: $(READY)  ## install everything into .venv

experiment: $(READY)  ## run a hypothesis: NAME=pool-exhaustion [SEED=1] [TARGET=compose]
	@test -n "$(NAME)" || { echo "which one? make experiment NAME=..., of:" >&2; $(BIN)/lab list >&2; exit 2; }
	@$(BIN)/lab run "$(NAME)" $(if $(SEED),--seed "$(SEED)") $(if $(TARGET),--target "$(TARGET)")

soak: $(READY)  ## run a soak: NAME=memory-leak HOURS=8 [SEED=1] [TARGET=compose]
	@test -n "$(NAME)" || { echo "which one? make soak NAME=... HOURS=8, of:" >&2; $(BIN)/lab list >&2; exit 2; }
	@$(BIN)/lab run "$(NAME)" $(if $(HOURS),--for "$(HOURS)h") $(if $(SEED),--seed "$(SEED)") $(if $(TARGET),--target "$(TARGET)")

service: $(READY)  ## the sample service alone, to play with: [TARGET=compose]
	@$(BIN)/lab serve $(if $(TARGET),--target "$(TARGET)")

test: $(READY)  ## run all tests
	@$(BIN)/python -m pytest -m "not real" --numprocesses auto
	@$(BIN)/python -m pytest -m real

risks: $(READY)  ## plant a defect per risk in a copy; the layer that answers for it must go red
	@$(BIN)/python -m tests.risks

check: $(READY)  ## lint, types, import walls
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(READY)  ## print the lab's own performance figures, as ratios measured in one run
	@$(BIN)/python -m tests.bench

proof: $(READY)  ## long proofs, resumable; figures go to docs/proof.md: [PART=main-job]
	@$(BIN)/python -m tests.proof $(PART)

clean:  ## remove the environment and caches; reports stay
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info
