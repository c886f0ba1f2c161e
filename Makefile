# The commands of the house. `make serve` and `make test` set up what they need.

PYTHON ?= python3
ARGS ?=
VENV := .venv/bin
FAST := -m "not model and not slow and not ecosystem" $(addprefix --ignore=,server/tests/backends/llama \
	server/tests/tuning/test_convert.py server/tests/tuning/test_measure.py server/tests/tuning/test_store.py \
	server/tests/tuning/test_stored.py server/tests/tuning/test_tuner.py server/tests/cli/test_tune_report.py e2e/test_tune.py)

.PHONY: help serve test test-fast check docs format bench bench-sdk reliability clean

help:
	@echo "make serve   build what is needed, then serve the embedded model (ARGS=\"--port 9000\")"
	@echo "make test    every test of both distributions and e2e/ (ARGS=\"-k stop\")"
	@echo "make test-fast   those that need no engine and no model: nothing to compile, two minutes"
	@echo "make docs    the pages that are made from the code"
	@echo "make check   format, lint, types, architecture, deploy files, known vulnerabilities"
	@echo "make bench   ours beside llama-server, needs its path (ARGS=\"--minutes 18\"; docs/benchmark.md)"
	@echo "make bench-sdk   the SDK beside the published clients"
	@echo "make reliability   faults, 50,000 strange inputs, overload, half an hour of mixed load"

serve:
	@$(PYTHON) scripts/bootstrap.py serve
	@exec $(VENV)/galop serve $(ARGS)

test:
	@$(PYTHON) scripts/bootstrap.py test
	@$(VENV)/python -m pytest $(ARGS)

test-fast:
	@$(PYTHON) scripts/bootstrap.py fast
	@$(VENV)/python -m pytest $(FAST) $(ARGS)

docs:
	@$(PYTHON) scripts/bootstrap.py fast
	@$(VENV)/python -m scripts.make_docs

check:
	@$(PYTHON) scripts/bootstrap.py test
	$(VENV)/ruff format --check .
	$(VENV)/ruff check .
	$(VENV)/mypy server/src server/tests
	$(VENV)/mypy sdk/src sdk/tests
	$(VENV)/mypy e2e tests examples scripts/make_docs.py bench/compare.py reliability
	$(VENV)/python -m pytest -q tests
	$(VENV)/python scripts/audit.py

format:
	$(VENV)/ruff format .
	$(VENV)/ruff check --fix .

bench:
	@$(PYTHON) scripts/bootstrap.py test
	$(VENV)/python -m bench.compare $(ARGS)

bench-sdk:
	@$(PYTHON) scripts/bootstrap.py test
	$(VENV)/python bench/sdk/compare.py $(ARGS)

reliability:
	@$(PYTHON) scripts/bootstrap.py test
	$(VENV)/python -m reliability.faults
	$(VENV)/python -m reliability.fuzz
	$(VENV)/python -m reliability.load
	$(VENV)/python -m reliability.soak $(ARGS)

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache
