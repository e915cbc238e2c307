# Two commands do everything: `make ablate` and `make test`. `make` alone explains.

PYTHON  ?= python3
SPEC    ?= runs.yaml
STORE   ?= results
PROFILE ?=
SEEDS   ?=
DATA    ?=
ARGS    ?=
MARK    ?= not slow and not gpu and not browser and not service
WORKERS ?= auto
PORT    ?=
STUDY   ?= sgd-lr

VENV    := .venv
ABLATE  := $(VENV)/bin/ablate
PLACE    = --spec $(SPEC) $(if $(DATA),--set data.name=folder --set 'data.path=$(DATA)') --store $(STORE)
SELECT   = $(if $(PROFILE),--profile $(PROFILE)) $(if $(SEEDS),--seeds $(SEEDS)) $(PLACE)

.DEFAULT_GOAL := help
.PHONY: help setup ablate plan tune ui report test lint data components bench bench-gpu clean

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@printf '\nVariables: PROFILE=quick|standard|paper  SEEDS=0,1,2  DATA=folder/of/images  STORE=results\n'
	@printf '           SPEC=runs.yaml  ARGS="--run sgd --set optimizer.lr=2e-2"  PORT=8080\n'

setup: $(VENV)/.ready ## Create .venv and install, with exact pins

$(VENV)/.ready: pyproject.toml constraints.txt $(VENV)/bin/python
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or later is needed; name one with: make PYTHON=python3.12"; exit 1; }
	@$(VENV)/bin/python -m pip --version > /dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@echo "Installing into $(VENV): about 6 GB, in some minutes ..."
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[dev]' -c constraints.txt \
	  || { echo "Set-up is not complete, see above. The same command continues it."; exit 1; }
	@touch $@

# Where Python is gone, as an update of the system may leave it, set-up begins again.
$(VENV)/bin/python: ;

ablate: setup ## Train the four runs on the built-in data and compare them
	@$(ABLATE) run --report $(SELECT) $(ARGS)

plan: setup ## Show what `make ablate` would do
	@$(ABLATE) run --dry-run $(SELECT) $(ARGS)

tune: setup ## Search the learning rate at which plain SGD works, and confirm it against a tuned Adam
	@$(ABLATE) tune $(STUDY) $(if $(PROFILE),--profile $(PROFILE)) $(PLACE) $(ARGS)

ui: setup ## Serve the MLflow page of the results
	@$(ABLATE) ui --store $(STORE) $(if $(PORT),--port $(PORT))

report: setup ## Write the report again
	@$(ABLATE) report $(SELECT) $(ARGS)

data: setup ## Prepare the images and say what they are
	@$(ABLATE) data prepare $(SELECT) $(ARGS)

test: setup ## Run the quick tests (MARK="not gpu" for all, ARGS="-k name" for some)
	@$(VENV)/bin/python -m compileall -q --invalidation-mode checked-hash ablations analysis fakeface
	@$(VENV)/bin/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m '$(MARK)' $(ARGS)

lint: setup ## Check format, style and types
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/mypy

components: setup ## Train every component for 300 steps and write docs/components.md
	@$(ABLATE) run --spec docs/components.yaml --store $(STORE)/components $(ARGS)
	@$(VENV)/bin/python docs/components.py $(STORE)/components

bench: setup ## Measure speed, as ratios against a named reference
	@$(VENV)/bin/python -m benchmarks $(ARGS)

bench-gpu: ## On a CUDA machine: is the GPU path right, and how fast (uses $(PYTHON) as it is)
	@$(PYTHON) -m benchmarks.gpu

clean: ## Remove what set-up and tests made; results stay
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist *.egg-info
