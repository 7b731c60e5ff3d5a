# What a person runs by hand; `make` alone lists it. Needs make, a POSIX shell and Python 3.11-3.14;
# everything else is installed from the locks into .venv (the demo) and .venv-test (the checks).
#
#   make test ARGS="tests/core -x"      passes words on to pytest
#   make demo PYTHON=/path/to/python    uses that Python

DEMO := .venv
TEST := .venv-test
SOURCES := $(shell find src connectors fixtures/policies -type f ! -name '*.pyc' ! -name '.*')
BUILD_FILES := pyproject.toml README.md LICENSE
ARGS ?=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo fortnight test check lint format lock conformance bench clean

help: ## Lists the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sort | sed -E 's/^([a-z]+):.*## (.*)/  make \1#\2/' \
	  | awk -F'#' '{printf "%-20s %s\n", $$1, $$2}'

demo: $(DEMO)/.installed ## Shows fairlead at work on two invented CRMs; needs no account
	@$(DEMO)/bin/fairlead demo $(ARGS)

fortnight: $(DEMO)/.installed ## Two simulated weeks of 10,000 leads and 40 reps, audited
	@$(DEMO)/bin/fairlead simulate $(ARGS)

test: $(TEST)/.installed ## Runs the tests in an environment made from the lock
	$(TEST)/bin/python -m pytest -n 4 --dist loadfile $(ARGS)

check: $(TEST)/.installed ## Everything a change must pass: format, lint, types, layers, tests
	$(TEST)/bin/ruff format --check .
	$(TEST)/bin/ruff check .
	$(TEST)/bin/mypy
	$(TEST)/bin/lint-imports
	$(MAKE) test

lint: $(TEST)/.installed ## The quick part of check
	$(TEST)/bin/ruff format --check .
	$(TEST)/bin/ruff check .
	$(TEST)/bin/lint-imports

format: $(TEST)/.installed ## Formats the code and sorts imports
	$(TEST)/bin/ruff check --fix-only .
	$(TEST)/bin/ruff format .

conformance: $(TEST)/.installed ## Drives the sandboxes with the vendors' own node clients; needs npm
	$(TEST)/bin/python tests/packaging/conformance.py $(ARGS)

bench: $(TEST)/.installed ## Measures the parts whose speed is promised; prints CPU seconds
	$(TEST)/bin/python bench/run.py $(ARGS)

LOCKING = pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --no-annotate --quiet

lock: ## Writes both requirement files anew from pyproject.toml; needs uv
	@uv=$$(command -v uv || echo $(DEMO)/bin/uv); "$$uv" --version || { \
	  echo "make lock needs uv: pip install uv"; exit 1; }; set -x; \
	"$$uv" $(LOCKING) --group build -o requirements.txt && \
	"$$uv" $(LOCKING) --group dev -c requirements.txt -o requirements-dev.txt

clean: ## Removes what the checks made; leaves .venv
	rm -rf $(TEST) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find src connectors tests -name __pycache__ -type d -prune -exec rm -rf {} +

# The environments. A marker file is newer than what it was made from, so nothing is done twice.

$(DEMO)/.locked: requirements.txt
	@$(call environment,$(DEMO))
	@$(call packages,$(DEMO),requirements.txt)
	@touch $@

$(DEMO)/.installed: $(DEMO)/.locked $(BUILD_FILES) $(SOURCES)
	@$(DEMO)/bin/python -m pip install --quiet --disable-pip-version-check \
	  --no-deps --no-build-isolation --force-reinstall .
	@touch $@

$(TEST)/.installed: requirements-dev.txt pyproject.toml
	@rm -rf $(TEST)
	@$(call environment,$(TEST))
	@$(call packages,$(TEST),requirements-dev.txt)
	@$(TEST)/bin/python -m pip install --quiet --disable-pip-version-check \
	  --no-deps --no-build-isolation --editable .
	@touch $@

FITS := import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 15))

# Takes the first Python that really runs and has the right version: a name on the path may be a
# shim for a version that is not there, or a Debian python3 without its venv package.
define environment
test -x $(1)/bin/python && $(1)/bin/python -c '$(FITS)' && exit 0; \
for p in $(PYTHON) python3.14 python3.13 python3.12 python3.11 python3; do \
  if "$$p" -c '$(FITS)' >/dev/null 2>&1; then \
    echo "Making $(1) with $$("$$p" --version)"; "$$p" -m venv $(1) && exit 0; \
  fi; \
done; \
echo "fairlead needs Python 3.11, 3.12, 3.13 or 3.14 with its venv module, and found none." >&2; \
echo "Debian, Ubuntu: apt install python3 python3-venv. Else name one: make PYTHON=/path/to/python" >&2; \
exit 1
endef

# pip names each package twice; one line for ten packages is enough to see that it works.
define packages
total=$$(grep -c '^[a-z].*==' $(2)); echo "Installing $$total packages from $(2)"; \
{ $(1)/bin/python -m pip install --disable-pip-version-check --progress-bar off --require-hashes \
    -r $(2) || touch $(1)/.failed; } | awk -v total=$$total \
  '/^Collecting/ {if (++n % 10 == 0) {print "  " n " of " total; fflush()}} \
   /^Installing/ {print "  unpacking"; fflush()}'; \
if test -e $(1)/.failed; then rm -f $(1)/.failed; exit 1; fi
endef
