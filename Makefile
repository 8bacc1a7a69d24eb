# The recipes that README, CONTRIBUTING and CI use.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
# uv brings its own certificate authorities; the machine's are taken where it has any, as pip does: a company may have its own.
export UV_SYSTEM_CERTS ?= $(if $(wildcard /etc/ssl/certs/* /Library/Keychains/*),true,false)
SOURCES := $(shell find pwa/src pwa/public pwa/index.html pwa/vite.config.ts pwa/package-lock.json -type f 2>/dev/null)

.PHONY: bench-api week bench-readings bench-bills bench-allocate bench-balance access access-rows bench-console bench-page crash hostile bench-ocpp bench-start run test test-postgres lint rows schema build messages locks clean install install-tests system-packages

run: .venv/run.stamp pwa/dist/.stamp
	@$(BIN)/python -m app.cli up

.venv/bin/uv: infra/locks/bootstrap.txt
	@echo "· Python environment"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r infra/locks/bootstrap.txt
	@touch $@

.venv/run.stamp: .venv/bin/uv infra/locks/run.txt
	@echo "· dependencies (pinned with hashes)"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r infra/locks/run.txt
	@printf '#!/bin/sh\nexec "%s" -m app.cli "$$@"\n' "$(abspath $(BIN)/python)" > $(BIN)/hofstrom && chmod +x $(BIN)/hofstrom
	@echo "$(abspath .)" > "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/hofstrom.pth"
	@touch $@

.venv/test.stamp: .venv/run.stamp infra/locks/test.txt
	@echo "· test tools (pinned with hashes)"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r infra/locks/test.txt
	@touch $@

build: pwa/dist/.stamp

pwa/dist/.stamp: .venv/bin/uv $(SOURCES)
	@echo "· pages"
	@infra/local/npm.sh ci --no-audit --no-fund --no-update-notifier --loglevel=error
	@infra/local/npm.sh run --silent build
	@touch $@

system-packages:
	@infra/local/system-packages.sh

test: system-packages .venv/test.stamp pwa/dist/.stamp
	@$(BIN)/python -m tests.run

# The tables and the ledger on another server than the embedded one: make test-postgres POSTGRES_BIN=/usr/lib/postgresql/15/bin
POSTGRES_BIN ?= /usr/lib/postgresql/15/bin
test-postgres: .venv/test.stamp
	@test -x "$(POSTGRES_BIN)/initdb" || { echo "No PostgreSQL in $(POSTGRES_BIN). Install postgresql-15, or set POSTGRES_BIN." >&2; exit 1; }
	@HOFSTROM_POSTGRES_BIN="$(POSTGRES_BIN)" $(BIN)/python -m pytest -q tests/database tests/ledger

lint: .venv/test.stamp pwa/dist/.stamp
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && infra/local/npm.sh run --silent check
	@$(BIN)/python -m pytest -q tests/test_import_ladder.py

schema: .venv/run.stamp
	@$(BIN)/python -m app.cli schema pwa/openapi.json

# One benchmark; its last line is one JSON object: make bench-start, make bench-ocpp, make bench-ocpp ARGS="--stations 200 --runs 1"
bench-ocpp: .venv/test.stamp
	@$(BIN)/python -m tests.bench.ocpp $(ARGS)

bench-balance: .venv/test.stamp
	@$(BIN)/python -m tests.bench.balance $(ARGS)

bench-bills: .venv/test.stamp
	@$(BIN)/python -m tests.bench.bills $(ARGS)

bench-allocate: .venv/test.stamp
	@$(BIN)/python -m tests.bench.allocate $(ARGS)

bench-readings: .venv/test.stamp
	@$(BIN)/python -m tests.bench.readings $(ARGS) 2>/dev/null

bench-api: .venv/test.stamp
	@$(BIN)/python -m tests.bench.api $(ARGS)

bench-start: .venv/test.stamp pwa/dist/.stamp
	@$(BIN)/python -m tests.bench.start

bench-console: .venv/test.stamp pwa/dist/.stamp
	@$(BIN)/python -m tests.bench.console

bench-page: .venv/test.stamp pwa/dist/.stamp
	@$(BIN)/python -m tests.bench.page $(ARGS)

# Everything is killed at random for ten minutes while 200 stations charge: make crash, make crash ARGS="--seconds 60 --seed 7"
crash: .venv/test.stamp pwa/dist/.stamp
	@$(BIN)/python -m tests.crash $(ARGS)

# A simulated week of 40 stations on real sockets, links and meters failing at random: make week, make week ARGS="--days 1 --seed 7"
week: .venv/test.stamp
	@$(BIN)/python -m tests.week $(ARGS)

# 10,000 malformed frames from a station with a good password, and what five others notice of it
hostile: .venv/test.stamp pwa/dist/.stamp
	@$(BIN)/python -m tests.hostile $(ARGS)

# The access matrix: every route, every role, everybody's objects. `make access-rows` writes the lines of new routes, to be judged.
access: .venv/test.stamp
	@$(BIN)/python -m pytest -q -n 2 tests/access

access-rows: .venv/test.stamp
	@$(BIN)/python -m tests.access.matrix --write

# Made-up requests to every route with every role's token: make fuzz-api, make fuzz-api EXAMPLES=100
EXAMPLES ?= 25
fuzz-api: .venv/test.stamp
	@HOFSTROM_FUZZ_EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest -q -n 2 -p no:timeout tests/access/fuzz_api.py

rows: .venv/test.stamp
	@$(BIN)/python -m tests.rows

messages: .venv/run.stamp
	@$(BIN)/python -m infra.messages

locks: .venv/bin/uv
	@cd infra/locks && for extra in run test; do \
	  ../../$(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-annotate --no-header -p 3.11 \
	  $$([ $$extra = test ] && echo "--extra test -c run.txt") ../../pyproject.toml -o $$extra.txt; done

clean:
	@rm -rf .venv pwa/dist pwa/node_modules test-results
