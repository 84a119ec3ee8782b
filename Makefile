# Every command makes .venv by itself on first use. `make help` lists them.
.DEFAULT_GOAL := help
.PHONY: help demo demo-cmapss test check slow fuzz bench bench-peers study measure clean

PYTHON ?= python3
SEEDS ?= 5
FUZZ_SECONDS ?= 60
TOPIC ?= first-federation
HANSA_DATA ?= $(wildcard ../shared/data)

export PYTHON
ifneq ($(strip $(HANSA_DATA)),)
export HANSA_DATA := $(abspath $(HANSA_DATA))
endif

BIN := .venv/bin

help: ## this list
	@echo "Hansa: competing companies train one model; only sums leave the firewall."
	@echo
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1 | \2/p' Makefile | \
	    awk -F'|' '{ printf "%-20s %s\n", $$1, $$2 }'

demo: .venv/core ## four simulated fleets train one model, about a minute
	@echo "Four simulated fleets train one remaining-life model; the charter is runs/demo.toml."
	@mkdir -p runs && rm -rf runs/demo
	@$(BIN)/hansa charter init --simulated > runs/demo.toml
	@$(BIN)/hansa run runs/demo.toml --out runs/demo
	@echo
	@echo "Next: open runs/demo/report.html in a browser,"
	@echo "      read or change runs/demo.toml, then: $(BIN)/hansa run runs/demo.toml"
	@echo "      on real engines:  make demo-cmapss"
	@echo "      run the tests:    make test"

demo-cmapss: .venv/core ## the same on NASA C-MAPSS FD004 (HANSA_DATA, or ../shared/data)
	@if [ -z "$$HANSA_DATA" ]; then \
	    echo "No C-MAPSS data: set HANSA_DATA to its folder, or fetch it with $(BIN)/hansa data fetch cmapss"; \
	    exit 2; fi
	@echo "Four airlines train one remaining-life model on C-MAPSS FD004 from $$HANSA_DATA."
	@mkdir -p runs && rm -rf runs/demo-cmapss
	@$(BIN)/hansa charter init > runs/demo-cmapss.toml
	@$(BIN)/hansa run runs/demo-cmapss.toml --out runs/demo-cmapss
	@echo
	@echo "Next: open runs/demo-cmapss/report.html in a browser,"
	@echo "      compare partitions and seeds: make study"

test: .venv/dev ## every test but the slow one
	@echo "Running the tests ..."
	@$(BIN)/python -m pytest -n 2 --dist loadfile
	@echo "Next: make check adds format, lint, types and imports; make slow runs the slow tests."

check: .venv/dev ## format, lint, types, imports and tests
	@scripts/check

slow: .venv/dev ## the slow tests
	@XLA_FLAGS=--xla_cpu_multi_thread_eigen=false $(BIN)/python -m pytest -m slow

fuzz: .venv/fuzz ## every decoder under Atheris, half an hour (FUZZ_SECONDS=60 each)
	@$(BIN)/python -m tests.fuzz.run $(FUZZ_SECONDS)

bench: .venv/core ## our own benchmarks: time, memory and the machine's limit, about eight minutes
	@$(BIN)/python -m benchmarks.bench

bench-peers: .venv/dev ## the same work beside PyTorch, pfl, FedJAX, NVFLARE and Flower (installs them)
	@$(BIN)/python -m benchmarks.peers.run

study: .venv/core ## the paper's experiment over parties and seeds (SEEDS=5)
	@$(BIN)/hansa study fd004 --parties 2,4,8 --seeds $(SEEDS)

measure: .venv/dev ## re-run the figures of one topic (TOPIC=first-federation)
	@$(BIN)/python -m benchmarks.measure $(TOPIC)

clean: ## remove .venv and caches; runs/ stays
	@rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

# Stamps: an environment is installed again only when pyproject.toml has changed.
.venv/core: pyproject.toml scripts/environment
	@scripts/environment
	@touch $@

.venv/dev: pyproject.toml scripts/environment
	@scripts/environment dev
	@touch $@ .venv/core

.venv/fuzz: pyproject.toml scripts/environment
	@scripts/environment dev,fuzz
	@touch $@ .venv/dev .venv/core
