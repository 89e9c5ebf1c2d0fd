# Everything lands in .venv/; a bare python3 >= 3.11 and make are enough.
PYTHON ?= python3
ARGS ?=
# Containers for Python often set it. Each of the tests' many processes would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE
# A daemon that may not write beside its modules would compile them at each of its starts.
COMPILE := .venv/bin/python -m compileall -q vitalwire.py schemas
# Of tests/gateway/bluetooth, what depends most on how bluetoothd behaves.
TRUE_WORLD ?= admitting batteries bedside daemon device_clocks leftovers lost_disks pairing repair \
	segments survival visits window

.PHONY: help setup setup-test setup-real setup-true setup-gateway setup-server setup-analysis demo \
	test test-real test-true lint format bench fuzz mutants nightly

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

setup: ## Set up what the demo needs
	@$(PYTHON) -m setup demo

setup-test: ## Set up what the tests need
	@$(PYTHON) -m setup test

setup-real: ## Set up what the tests with the real servers need
	@$(PYTHON) -m setup real

setup-true: ## Set up what the tests with the real bluetoothd need
	@$(PYTHON) -m setup true

setup-gateway: ## Set up a Raspberry Pi: the gateway's packages and no others
	@$(PYTHON) -m setup gateway
	@$(COMPILE) gateway

setup-server: ## Set up the clinic's side: ingest and alerts, without simulators
	@$(PYTHON) -m setup server
	@$(COMPILE) ingest alerts

setup-analysis: ## Set up the clinic's side and what back-tests and cohorts need: pandas
	@$(PYTHON) -m setup analysis
	@$(COMPILE) ingest alerts

demo: setup ## Run the whole path on this machine; options: make demo ARGS="--homes 5"
	@.venv/bin/vitalwire demo $(ARGS)

test: setup-test ## Run all tests; a part of them: make test ARGS="tests/schemas -x"
	@.venv/bin/pytest --numprocesses=logical --maxprocesses=8 --dist=loadfile \
		--no-loadscope-reorder $(ARGS)

test-real: setup-real ## Run the tests with Apache Kafka, Mosquitto and TimescaleDB
	@.venv/bin/pytest --override-ini='norecursedirs=.*' -p tests.real.stages \
		--numprocesses=logical --maxprocesses=2 --dist=loadfile --no-loadscope-reorder \
		tests/real tests/ingest tests/alerts $(ARGS)

test-true: setup-true ## Run the Bluetooth tests with Debian's kernel and bluetoothd, emulated
	@.venv/bin/pytest --override-ini='norecursedirs=.*' -p tests.true_world --timeout=120 \
		--override-ini=cache_dir=.pytest_cache/true \
		--numprocesses=logical --maxprocesses=2 --dist=worksteal \
		tests/true tests/simulators/test_world.py \
		$(addprefix tests/gateway/bluetooth/test_,$(TRUE_WORLD:=.py)) $(ARGS)

bench: ## Run the benchmarks; one of them: make bench ARGS="codecs"
	@$(PYTHON) -m setup bench
	@.venv/bin/python -m bench $(ARGS)

fuzz: ## Fuzz every codec, 10 s each; longer: make fuzz ARGS="--seconds 60"
	@$(PYTHON) -m setup fuzz
	@.venv/bin/python -m bench.fuzz $(ARGS)

mutants: setup-test ## Change each decision of rules, engine and desk: does a test notice?
	@.venv/bin/python -m bench.mutants $(ARGS)

nightly: ## Run every long check, and keep the results; minutes: make nightly ARGS="--short"
	@$(PYTHON) -m setup bench
	@$(PYTHON) -m setup fuzz
	@.venv/bin/python -m bench.nightly $(ARGS)

lint: setup-test ## Check style and types
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy

format: setup-test ## Rewrite the source in the one format
	@.venv/bin/ruff format .
	@.venv/bin/ruff check --fix .
