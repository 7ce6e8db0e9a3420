# Every target is a thin call. `make` alone lists them.
PYTHON ?= python3
ARGS ?=

# Only pip and npm see the caller's home, for the registries set up there; all else writes below .local.
REAL_HOME := $(HOME)
REAL_PATH := $(PATH)
export HOME := $(CURDIR)/.local/home
# The first `node` is ours: jsii and the CDK CLI take it.
export PATH := $(CURDIR)/node_modules/.bin:$(CURDIR)/.venv/bin:$(PATH)
# No test and no tool may reach somebody's AWS account.
unexport AWS_PROFILE AWS_DEFAULT_PROFILE AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN
unexport AWS_ENDPOINT_URL AWS_CA_BUNDLE AWS_REGION AWS_DEFAULT_REGION
# Compiled modules are kept, whatever the caller's shell says: compiling the CDK anew takes 4 s at each start.
unexport PYTHONDONTWRITEBYTECODE
unexport XDG_CACHE_HOME XDG_CONFIG_HOME XDG_DATA_HOME
export AWS_CONFIG_FILE := /dev/null
export AWS_SHARED_CREDENTIALS_FILE := /dev/null
export AWS_EC2_METADATA_DISABLED := true

PY := .venv/bin/python
# Pip and npm run in the caller's own environment.
CALLER := HOME='$(REAL_HOME)' PATH='$(REAL_PATH)'
# Types take a minute of one core, so the tests run meanwhile; what mypy and pyright say comes after them.
BESIDE_TYPES = .ci/beside '$(MAKE) --no-print-directory types'

.DEFAULT_GOAL := help
.PHONY: help up down status cdk env rehearse synth diff check test lint style types format lock bench clean dev local

help:  ## List the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r name text; do \
	    printf '  make %-8s %s\n' "$$name" "$$text"; done

up: local  ## Deploy all four stacks to an embedded AWS target on this machine
	@$(PY) -m emulator up $(ARGS)

down:  ## Destroy those stacks and stop the target
	@if $(PY) -c '' 2>/dev/null; then $(PY) -m emulator down; else $(PYTHON) -m emulator down; fi

status: local  ## Show stacks, outputs, services, hosts and database on the target
	@$(PY) -m emulator status

cdk: local  ## Run the CDK CLI against the target: make cdk ARGS="deploy --all -c active_coreapps=8"
	@$(PY) -m emulator cdk $(ARGS)

env:  ## Print exports that lead a shell to the target
	@$(PY) -m emulator env

rehearse: dev  ## Walk through 2, 8, 32, 4 and 1 shards with plain deploys while messages flow
	@$(PY) -m emulator rehearse $(ARGS)

synth: local  ## Write the templates of a deployment to cdk.out: make synth ARGS="-c deployment=staging"
	@$(PY) -m emulator synth $(ARGS)

diff: local  ## Show what a deploy to the target would change: make diff ARGS="-c active_coreapps=8"
	@$(PY) -m emulator cdk diff $(ARGS)

check: style  ## Check style, types and all that is quick to test: what to run on every change
	@.ci/mariadb
	@$(BESIDE_TYPES) $(PY) -m pytest -m "not emulator and not browser and not notebook" $(ARGS)

test: style  ## Check and test everything, from a fresh clone too
	@.ci/mariadb
	@sh tests/standin/get_chromium.sh .local/chromium
	@$(BESIDE_TYPES) $(PY) -m pytest $(ARGS)

lint: style types  ## Check style and types

style: dev
	$(PY) -m ruff check
	$(PY) -m ruff format --check

types: dev
	$(PY) -m mypy
	$(PY) -m pyright --pythonpath $(PY)

format: dev  ## Put the code into its style
	$(PY) -m ruff check --fix
	$(PY) -m ruff format

bench: dev  ## Run the benchmarks
	@for file in benchmarks/*.py; do echo "--- $$file"; $(PY) "$$file" || exit 1; done

lock:  ## Renew constraints.txt and package-lock.json
	@$(CALLER) .ci/lock $(PYTHON)

clean: down  ## Remove all that these targets made
	rm -rf .venv .local node_modules cdk.out build *.egg-info
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

local dev:
	@$(CALLER) $(PYTHON) -m emulator.install $@
