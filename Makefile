# A fresh machine needs Python 3.11 or newer and make; everything else goes into .venv.
PYTHON ?= python3
PIP    := .venv/bin/python -m pip --disable-pip-version-check --quiet
PYTEST := .venv/bin/python -m pytest --numprocesses auto --maxprocesses 8 --dist worksteal

.PHONY: help run test lint docs bench bench-gpu clean

help:  ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile

run: .venv/installed  ## train a network on handwritten digits, from nothing
	.venv/bin/liuli train digits --network cnn --out runs/digits

test: .venv/developing  ## run every test and every example in the documentation
	$(PYTEST)

lint: .venv/developing  ## check style and types
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/pyright

docs: .venv/developing  ## build the documentation in build/site, its pictures too; run its examples
	$(PYTEST) src/liuli tests/test_docs.py
	.venv/bin/python -m documentation

bench: .venv/measuring  ## compare speed with other libraries; ONLY="lstm mlp" measures these
	.venv/bin/python -m benchmarks $(ONLY)

bench-gpu: .venv/measuring  ## the same at the sizes of a GPU, on a machine that has one
	.venv/bin/python -m benchmarks --gpu $(ONLY)

clean:  ## remove .venv and caches; what you trained stays
	rm -rf .venv build dist .hypothesis .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is written last, and taken away first: what was interrupted is done again.
.venv/installed: pyproject.toml Makefile $(wildcard native/*.h native/*.c native/*.cc) native/CMakeLists.txt
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "liuli needs Python 3.11 or newer, which $(PYTHON) is not: name one, as in make run PYTHON=python3.12" >&2; exit 1; }
	@echo "Setting up .venv (once; a few minutes) ..."
	@test -f $@ || "$(PYTHON)" -m venv --clear .venv
	@rm -f $@
	@$(PIP) install --editable ".[all]"
	@touch $@

# PyTorch and Keras are oracles: where PyTorch cannot be installed, the tests that compare with it skip.
.venv/developing: .venv/installed
	@echo "Setting up the tools for tests (once; a few minutes) ..."
	@$(PIP) install torch==2.13.0 || echo "PyTorch could not be installed: tests that compare with it will skip." >&2
	@$(PIP) install --editable ".[all,dev]"
	@touch $@

.venv/measuring: .venv/developing
	@echo "Setting up the libraries to compare with (once) ..."
	@$(PIP) install --editable ".[all,dev,bench]"
	@touch $@
