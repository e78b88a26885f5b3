# Everything by `make`: what is missing is installed first; a second run installs nothing.
PYTHON_SOURCES := sessions business control_api chatgrow_worker client tests
BIN := .venv/bin
.DEFAULT_GOAL := help
# Tests, and the many programs that they start, begin sooner from compiled files.
unexport PYTHONDONTWRITEBYTECODE
# A variable that is 0 or empty is off; one that is set, even to nothing, is handed on.
on = $(filter-out 0,$($(1)))
option = $(if $(filter undefined,$(origin $(2))),,$(1) "$($(2))")
LIVE_CHECK = $(if $(call on,SIMULATED),--simulated) $(if $(call on,ALL_CODES),--all-codes) \
	$(if $(call on,EACH_SAVING),--each-saving) $(foreach part,$(LEAVE_OUT),--leave-out $(part)) \
	$(call option,--to,TO) $(call option,--pair,PAIR) $(call option,--data,DATA) \
	$(call option,--cut,CUT) $(call option,--settle,SETTLE)

.PHONY: help setup demo live-check run test slow real-page js contract bench chaos soak check docs screenshots lint types imports dist image-check clean

help: ## Show what there is
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 19

setup: ## Install what is missing: Debian packages, .venv, wa-js
	@scripts/setup.sh

demo: setup ## Show it with a simulated phone; BUSINESS=1 shows a shop, KEEP=1 leaves it running
	@$(BIN)/python -m tests.demo $(if $(call on,BUSINESS),--business) $(if $(call on,KEEP),--keep)

live-check: setup ## Check it with your own phone before you trust it; SIMULATED=1 needs no phone
	@$(BIN)/python -m tests.live_check $(LIVE_CHECK)

run: setup ## Run the worker and the API under supervisord, against the real WhatsApp Web
	@exec bash scripts/run.sh

test: setup ## Run the tests, but for those marked slow
	@$(BIN)/python -m pytest -n 4 --dist worksteal --durations=25 -m "not slow"

slow: ## Run the tests that are marked slow
	@scripts/setup.sh slow
	@$(BIN)/python -m pytest -n 3 --dist worksteal -m slow

real-page: ## Try our script on a real HTML page of WhatsApp Web, which npm has
	@scripts/setup.sh real-page
	@$(BIN)/python -m pytest tests/real_page

js: ## Check the scripts of our pages: their types against the API's, and their style
	@scripts/setup.sh page-scripts
	@$(BIN)/python -m tests.page_scripts

soak: setup ## Run the long tests of what survives; PARTS="fleet cycles" CYCLES=60 runs less
	@$(BIN)/python -m tests.soak $(PARTS) $(if $(CYCLES),--cycles $(CYCLES))

contract: setup ## Send the API what its OpenAPI document allows and forbids; EXAMPLES=1000 sends more
	@CONTRACT_EXAMPLES=$(or $(EXAMPLES),100) $(BIN)/python -m pytest tests/integration/api/test_contract.py

bench: ## Measure beside whatsapp-web.js; PARTS="fleet" QUICK=1 does less, WRITE=1 writes docs/benchmarks.md
	@scripts/setup.sh bench
	@$(BIN)/python -m tests.bench $(PARTS) $(if $(filter-out 0,$(QUICK)),--quick) $(if $(filter-out 0,$(WRITE)),--write)

chaos: setup ## Kill everything at random while messages flow; SEED=7 repeats a run
	@$(BIN)/python -m tests.chaos $(SEED)

check: lint types imports js test slow ## Run every check: style, types, import contracts, tests

docs: setup ## Write what comes from the code: pages, README's table of statuses, the client's models
	@$(BIN)/python scripts/write_docs.py
	@$(BIN)/python scripts/write_client_models.py

screenshots: setup ## Take the pictures of the documents anew, from the pages as they are
	@$(BIN)/python -m tests.screenshots

lint: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: setup
	@$(BIN)/mypy

imports: setup
	@$(BIN)/lint-imports

dist: setup ## Build a wheel and a source archive into dist/
	@$(BIN)/python -m hatchling build -d dist

image-check: setup ## Build the container image and try it; needs buildah and bubblewrap. BASE=… builds on another image
	@$(BIN)/python -m tests.image_check $(call option,--base,BASE)

clean: ## Remove what was installed and cached; the data in var/ stays
	@rm -rf .venv dist node_modules tests/*/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find $(PYTHON_SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +
