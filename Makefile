# Two commands matter: `make run` and `make test`. Both do all the set-up they need.
PYTHON ?=
BIN := .venv/bin

.PHONY: help setup setup-test setup-dev setup-bench run test coverage soak bench bench-rules lint types format lock clean
.DEFAULT_GOAL := help

help: ## This list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

setup: ## Make .venv and install what running needs
	@PY="$$(PYTHON=$(PYTHON) ./scripts/python.sh)" && "$$PY" scripts/setup.py run

setup-test:
	@PY="$$(PYTHON=$(PYTHON) ./scripts/python.sh)" && "$$PY" scripts/setup.py test

setup-dev:
	@PY="$$(PYTHON=$(PYTHON) ./scripts/python.sh)" && "$$PY" scripts/setup.py dev

setup-bench: ## The engines that rules are measured beside
	@PY="$$(PYTHON=$(PYTHON) ./scripts/python.sh)" && "$$PY" scripts/setup.py bench

run: setup ## Start the whole service on embedded defaults, with demo data
	@exec $(BIN)/sheepdog serve --demo

test: setup-test ## Run the whole suite
	@$(BIN)/python -m pytest -n 2 --dist loadgroup

coverage: setup-test ## Run the suite and show what it does not reach
	@$(BIN)/python -m pytest -n 2 --dist loadgroup --cov --cov-report=term

soak: setup-test ## The long runs
	@$(BIN)/python -m pytest -m soak -p no:cacheprovider --timeout=3600

bench: setup-test ## Measure; figures and ratios of one run
	@$(BIN)/python -m bench

bench-rules: setup-bench ## Measure rules beside other engines
	@$(BIN)/python -m bench rules

lint: setup-dev ## Style, and who may import whom
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports

types: setup-dev ## Strict types on all source
	@$(BIN)/mypy

format: setup-dev ## Format the source
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

lock: setup-dev setup-bench ## Pin what is installed now
	@$(BIN)/python scripts/lock.py

clean: ## Remove what set-up and runs made
	rm -rf .venv var build *.egg-info .pytest_cache .mypy_cache .ruff_cache .coverage*
