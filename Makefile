# What can be done in this folder: `make help`.

PYTHON ?= python3
PORTAL := .venv/bin/portal
.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: python ## Run the portal here: database, job worker, web server (PORT, PORTAL_HOME, HOST)
	@$(PYTHON) tools/set_up.py
	@exec $(PORTAL) run

.PHONY: test
test: set-up-tests ## Run every test, the browser's too (TESTS=tests/domain for some)
	@.venv/bin/python tools/browser.py
	@PYTHONDONTWRITEBYTECODE= .venv/bin/python -m pytest -n 3 --dist worksteal -m "not soak" $(TESTS)

.PHONY: check
check: set-up-tests ## Check style, types, layers, templates, migrations and locks, without the network
	@.venv/bin/python tools/check.py

.PHONY: soak
soak: set-up-tests ## Run the tests at their full sizes; takes its time
	@.venv/bin/python -m pytest -n 2 --dist loadfile -m soak --timeout 3600

.PHONY: bench
bench: set-up-tests ## Measure pages and calls for docs/performance.md (BASE=main~1 measures that beside)
	@.venv/bin/python -m tests.load

.PHONY: lock
lock: python ## Pin every dependency again (UPGRADE=1 for the newest versions allowed)
	@$(PYTHON) tools/lock.py $(if $(UPGRADE),--upgrade)

.PHONY: sbom
sbom: python ## Print the bill of materials of what runs (CycloneDX)
	@$(PYTHON) tools/sbom.py

.PHONY: set-up-tests
set-up-tests: python
	@$(PYTHON) tools/set_up.py --tests

.PHONY: python
python:
	@command -v $(PYTHON) >/dev/null || { echo "There is no Python. Type: sudo apt-get install python3 python3-venv"; exit 1; }
