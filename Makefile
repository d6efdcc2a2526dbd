# Every target makes the environment first if it is missing or stale.
PYTHON ?= python3
PY = .venv/bin/python
SUITE = -m pytest -q -n 2 --dist loadfile
export OMP_WAIT_POLICY = passive

.DEFAULT_GOAL := help
.PHONY: help env demo test check lint unit notebooks-test notebooks museum lab bench clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/:[^#]*## */\t/' | expand -t 16

env:  ## make the environment in .venv, if it is missing or stale
	@$(PYTHON) make_env.py

demo: env  ## translate with the shipped model, train a toy one, draw maps into demo/
	@$(PY) demo.py

test: check notebooks-test  ## everything: check, and the notebooks run by nbval

check: lint unit  ## all but the notebooks

lint: env  ## ruff: rules and format
	@$(PY) -m ruff check --quiet . && $(PY) -m ruff format --quiet --check .

unit: env  ## unit, parity, architecture, classroom and README tests
	@OMP_NUM_THREADS=1 $(PY) $(SUITE)

notebooks-test: env  ## run every notebook and compare its outputs
	@OMP_NUM_THREADS=1 $(PY) $(SUITE) --nbval-lax --nbval-cell-timeout=120 notebooks

notebooks: env  ## execute the notebooks whose code changed (all: NOTEBOOKS=--all)
	@$(PY) make_notebooks.py $(NOTEBOOKS)

museum: env  ## apply the field's real bugs one by one; each must fail a test
	@$(PY) -m minis2s.museum

lab: env  ## JupyterLab on the notebooks; as root: make lab LAB_ARGS=--allow-root
	@$(PY) -m jupyterlab --notebook-dir=notebooks $(LAB_ARGS)

bench: env  ## measure the published numbers again; what needs Multi30k says so
	@code=0; for name in $$($(PY) -m minis2s bench | cut -d" " -f1); do \
		$(PY) -m minis2s bench $$name || code=$$?; done; \
	$(PY) benchmarks/tables.py && exit $$code

clean:  ## remove the environment and all that was made
	rm -rf .venv demo runs build *.egg-info .pytest_cache .ruff_cache
