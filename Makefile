# `make lab` opens the lessons, `make test` proves them; `make help` lists the rest.
# Needs Python 3.11, 3.12 or 3.13 on PATH; everything else goes into .venv, once.

# Caches and Jupyter's own files lie below HOME: where there is none to write to, here.
ifneq ($(shell test -w "$$HOME" && echo yes),yes)
export HOME := $(CURDIR)/build/home
$(shell mkdir -p build/home)
endif

READY := .venv/ready-requirements$(if $(GPU),-gpu)
TIER := $(if $(ALL),,-m "not nightly")
LAB_STATE := build/lab
LAB_LAYOUT = $(LAB_STATE)/default-37a8.jupyterlab-workspace
VENV := PATH="$(CURDIR)/.venv/bin:$$PATH"
COMPILE := uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-annotate --no-emit-index-url \
	--custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)
ADDED_BLOCKS := NR == FNR {base[$$0]; next} /^[^ \#]/ {added = !($$0 in base)} /^\#/ || added

# A lock of what an extra adds: the pins of requirements.txt are its constraints.
compile_added = $(COMPILE) pyproject.toml --extra $(1) --constraint requirements.txt \
	--output-file requirements-$(1).txt >/dev/null && \
	awk '$(ADDED_BLOCKS)' requirements.txt requirements-$(1).txt >build/lock && \
	cp build/lock requirements-$(1).txt

.PHONY: help setup lab test unit backend jax nightly lessons lesson execute classroom browser check site claims bench lock clean
.NOTPARALLEL:

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' Makefile

.venv/ready-requirements: requirements.txt pyproject.toml .venv/bin/python
	@.ci/setup $<
	@touch $@

# What the GPU, the book and the benchmarks need besides.
.venv/ready-requirements-%: requirements-%.txt .venv/ready-requirements
	@.ci/setup $<
	@touch $@

# When .venv is gone, or the interpreter that it links to: set up again.
.venv/bin/python: ;

setup: $(READY)  ## install and no more (GPU=1: TensorFlow with CUDA)

lab: $(READY)  ## open the lessons in JupyterLab (LAB_ARGS=--no-browser and the like)
	@mkdir -p $(LAB_STATE)
	@test -e $(LAB_LAYOUT) || cp lab/workspace.json $(LAB_LAYOUT)
	@$(VENV) JUPYTER_PREFER_ENV_PATH=1 JUPYTER_CONFIG_PATH="$(CURDIR)/lab" jupyter lab \
		--LabApp.app_settings_dir="$(CURDIR)/lab" \
		--LabApp.workspaces_dir="$(CURDIR)/$(LAB_STATE)" --LabApp.extension_manager=readonly \
		--LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb $(LAB_ARGS)

test: unit backend lessons  ## unit tests, on both backends, then every lesson, cell by cell

unit: $(READY)  ## the unit tests (ALL=1: those of the night as well)
	@$(VENV) python -m pytest -p no:nbval -n 2 --dist loadfile $(TIER) tests/unit

backend: $(READY)  ## every public name of the rooms that promise to run on JAX, once
	@$(VENV) KERAS_BACKEND=jax python -m pytest -p no:nbval -n 2 $(TIER) tests/backend

jax: $(READY)  ## all unit tests of those rooms on JAX
	@$(VENV) KERAS_BACKEND=jax python -m pytest -p no:nbval tests/unit

lessons: $(READY)  ## every lesson, cell by cell, against its stored outputs (N=02: that)
	@$(VENV) python -m pytest tests/notebooks
	@$(VENV) python tests/notebooks/lessons.py $(N)

lesson: $(READY)  ## run lesson N=02 without a browser; HTML with figures in build/
	@$(VENV) cnnlab run $(N)

execute: $(READY)  ## run lesson N=02 and store its outputs in the notebook itself
	@$(VENV) python tests/notebooks/execute.py $(N)

classroom: $(READY)  ## a class graded in the sandbox (needs bubblewrap; ALL=1: attacks)
	@$(VENV) python -m pytest $(TIER) tests/classroom

check: $(READY)  ## format, lint and unit tests: before every commit
	@$(VENV) ruff format --check
	@$(VENV) ruff check
	@$(MAKE) unit

browser: site  ## explorers, a lesson and the book in Chromium (ALL=1: every lesson)
	@.ci/browser
	@$(VENV) python -m pytest $(TIER) tests/browser

site: .venv/ready-requirements-site  ## the lessons as a book, in build/site/
	@$(VENV) python book/build.py

claims: $(READY)  ## every number stated (QUICK=1: in seconds; with CNNLAB_DATA also on real data)
	@$(VENV) python -m pytest tests/claims $(if $(QUICK),-m quick)

nightly:  ## what takes too long for every push
	@$(MAKE) unit backend jax lessons classroom browser ALL=1

bench: $(READY)  ## every claim of speed, and README's table (FULL=1: all that needs no GPU)
	@$(if $(FULL),test -n "$(CNNLAB_DATA)" || { echo 'FULL=1 needs CNNLAB_DATA.'; exit 2; })
	@$(VENV) python -m experiments --speeds $(if $(FULL),--cpu)

lock:  ## compile the locks from pyproject.toml, with uv (UPGRADE=1: newest releases)
	@mkdir -p build
	@$(COMPILE) pyproject.toml --output-file requirements.txt
	@$(call compile_added,gpu)
	@$(call compile_added,site)
	@$(call compile_added,bench)
	@$(COMPILE) --group setup --output-file .ci/uv.txt

clean:  ## remove .venv and everything built
	@rm -rf .venv build .pytest_cache .ruff_cache *.egg-info
