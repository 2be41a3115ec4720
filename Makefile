# The course in two commands: `make lab` opens it, `make test` checks all of it. `make help` lists the rest.
# Needed: git, make and Python 3.11 or newer. Everything else is installed into .venv.

PORT     ?= 8888
LAB_ARGS ?=
LESSON   ?= 00
JOBS     ?= 2

# The first Python on the path that is new enough; `make lab PYTHON=/path/to/python3` names another.
PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11 python,$(shell \
	$(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $(name))))

VENV      := .venv
PY        := $(VENV)/bin/python
INSTALLED := $(VENV)/installed
WEB       := $(VENV)/installed-web
PIP       := $(PY) -m pip --disable-pip-version-check

# One file is one unit of work, since the cells of a notebook share a kernel.
PYTEST_ARGS ?= -n $(JOBS) --dist loadfile --nbval-lax --nbval-current-env

# Small networks are faster on one thread, and two test processes then share two cores in peace.
export OMP_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
.PHONY: help lab present test testnumbers testweb notebooks slides book site editions figures claims defaults bench screenshots clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

lab: $(INSTALLED) ## open the course in JupyterLab (PORT=8888, LAB_ARGS=--no-browser)
	@$(PY) scripts/lab.py --port $(PORT) $(LAB_ARGS)

present: $(INSTALLED) ## open a lesson for a class: live, in large type, notes folded away (LESSON=03)
	@$(PY) scripts/present.py $(LESSON) --port $(PORT) $(LAB_ARGS)

test: $(INSTALLED) ## run everything: linter, tests, every notebook, the browser; CI adds testnumbers and testweb
	@$(PY) -m ruff check .
	@$(PY) -m pytest $(PYTEST_ARGS) --ignore=tests/web tests notebooks

# The tests whose verdict could hang on rounding. With these variables MKL, torch and (in tests/conftest.py) NumPy compute
# as on other processors: other last digits, and so after a few hundred gradient steps other runs from the same seeds.
# Ray, whose order of events is another every time, would tell nothing new.
NUMBERS := tests/algorithms tests/experiments $(wildcard tests/explorers/test_lesson_*.py) $(patsubst %,tests/test_%.py,compare distributions envs exact networks \
	noise objectives replay returns rollout training transitions)
PROCESSORS := "MKL_CBWR=COMPATIBLE ATEN_CPU_CAPABILITY=default" "MKL_ENABLE_INSTRUCTIONS=AVX2 OTHER_DIGITS=1"

testnumbers: $(INSTALLED) ## run the numeric tests as two other processors would compute them
	@for processor in $(PROCESSORS); do \
	    echo "The numeric tests with $$processor"; \
	    env $$processor $(PY) -m pytest -n $(JOBS) --dist loadfile --ignore=tests/algorithms/test_workers.py $(NUMBERS) \
	        || exit 1; \
	done

testweb: $(WEB) ## build the slides, the book and the editions, and try them in a browser without a network
	@$(PY) -m pytest -n $(JOBS) --dist loadfile tests/web

notebooks: $(INSTALLED) ## run every notebook from a clean kernel and store its outputs (ONLY="01 03" for some)
	@$(PY) scripts/run_notebooks.py $(ONLY)

slides: $(WEB) ## one deck of slides a lesson, in build/slides (ONLY="01 03" for some)
	@$(PY) scripts/slides.py $(ONLY)

book: $(WEB) ## the course as a web book, in build/book
	@$(PY) scripts/book.py

site: slides book ## the book, with the slides in its folder slides, as a host serves them: build/site
	@rm -rf build/site && cp -R build/book build/site && cp -R build/slides build/site/slides

editions: $(WEB) ## the student's and the instructor's archive, and the graded assignment, in build/editions
	@$(PY) scripts/editions.py

figures: $(INSTALLED) ## draw every figure of assets/ anew
	@$(PY) scripts/figures.py

claims: $(INSTALLED) ## measure the numbers behind the claims anew
	@$(PY) -m rlcourse.experiments

defaults: $(INSTALLED) ## train the agents with their default settings on 100 seeds anew, as three processors would
	@$(PY) -m rlcourse.experiments.defaults

bench: $(INSTALLED) ## print timings: rollout, training, explorers from slider to picture
	@$(PY) scripts/bench.py

screenshots: $(INSTALLED) ## photograph every lesson in both themes (into build/screenshots), and the README's picture
	@$(PY) scripts/screenshot.py --out build/screenshots
	@$(PY) scripts/screenshot.py --readme

clean: ## remove what make made: the environment, JupyterLab's state, caches
	rm -rf $(VENV) .jupyter .jupyter-present build web/node_modules .pytest_cache .ruff_cache .hypothesis *.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} +
	find . -name .ipynb_checkpoints -prune -exec rm -rf {} +

# The environment: made once, brought up to date when the lists of packages change.
$(INSTALLED): pyproject.toml constraints.txt
	@"$(or $(PYTHON),python3)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	    echo "The course needs Python 3.11 or newer, and $(or $(PYTHON),python3) is not."; \
	    echo "Install one, or name the one to use: make $(or $(MAKECMDGOALS),lab) PYTHON=/path/to/python3"; exit 1; }
	@"$(PYTHON)" -c 'import venv, ensurepip' 2>/dev/null || { \
	    echo "$(PYTHON) cannot make virtual environments (it lacks the modules venv and ensurepip)."; \
	    echo "On Debian and Ubuntu the package python3-venv brings them; install it and try again."; exit 1; }
	@echo "Installing the course into $(VENV); the first time this takes a few minutes."
	@$(PIP) --version >/dev/null 2>&1 || "$(PYTHON)" -m venv --clear $(VENV)
	@$(PIP) install --quiet -c constraints.txt -e ".[test]"
	@touch $@

# What the slides, the book and the editions need besides: Sphinx, nbgrader, and the scripts that pages carry along.
$(WEB): $(INSTALLED) web/package-lock.json
	@command -v npm >/dev/null || { \
	    echo "The slides and the book carry reveal.js and MathJax along, which npm fetches once; npm was not found."; \
	    echo "Install Node.js (it brings npm), then run this again. The lessons themselves do without."; exit 1; }
	@$(PIP) install --quiet -c constraints.txt -e ".[test,web,grading]"
	@cd web && npm ci --silent --ignore-scripts --no-audit --no-fund
	@touch $@
