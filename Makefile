# The course in two commands: `make lab` opens it, `make test` checks all of it. `make help` lists the rest.
# Needed: git, make and Python 3.11 or newer. Everything else is installed into .venv.

PORT     ?= 8888
LAB_ARGS ?=
LESSON   ?= 00
JOBS     ?= 2
EVERY    ?= 12

# The first Python on the path that is new enough; `make lab PYTHON=/path/to/python3` names another.
PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11 python,$(shell \
	$(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $(name))))

VENV      := .venv
PY        := $(VENV)/bin/python
INSTALLED := $(VENV)/installed
TESTED    := $(VENV)/installed-test
WEB       := $(VENV)/installed-pages

# One file is one unit of work, since the cells of a notebook share a kernel.
PYTEST_ARGS ?= -n $(JOBS) --dist loadfile --nbval-lax --nbval-current-env

# Small networks are faster on one thread, and two test processes then share two cores in peace.
export OMP_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
.PHONY: help lab clean present slides book site editions check test testnumbers testweb testcolab testmutants mutants lock notebooks contents gallery figures claims defaults bench screenshots

##@ To learn (student)

help: ## this list
	@awk -F ':.*## ' '/^##@ / { printf "%s%s\n", gap, substr($$0, 5); gap = "\n" } \
	    /^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

lab: $(INSTALLED) ## open the course in JupyterLab (PORT=8888, LAB_ARGS=--no-browser)
	@$(PY) tools/lab.py --port $(PORT) $(LAB_ARGS)

clean: ## remove what make made: the environment, JupyterLab's state, caches
	rm -rf $(VENV) .venv-colab .jupyter .jupyter-present build mutants web/node_modules .pytest_cache .ruff_cache .mypy_cache .hypothesis *.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} +
	find . -name .ipynb_checkpoints -prune -exec rm -rf {} +

##@ To teach (instructor)

present: $(INSTALLED) ## open a lesson for a class: live, in large type, notes folded away (LESSON=03)
	@$(PY) tools/present.py $(LESSON) --port $(PORT) $(LAB_ARGS)

slides: $(WEB) ## one deck of slides per lesson, in build/slides (ONLY="01 03" for some)
	@$(PY) tools/slides.py $(ONLY)

book: $(WEB) ## the course as a web book, in build/book
	@$(PY) tools/book.py

site: slides book ## the book, with the slides in its folder slides, as a host serves them: build/site
	@rm -rf build/site && cp -R build/book build/site && cp -R build/slides build/site/slides

editions: $(WEB) ## the student's and the instructor's archive, and the graded assignment, in build/editions
	@$(PY) tools/editions.py

##@ To work on the course (maintainer)

# What reads the files without running them: linter, layout, spelling, types of the core.
define READ
	@[ -w . ] || { echo "The tests keep caches in the course's folder, and it cannot be written to: copy it, and test there."; exit 1; }
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m codespell_lib
	@$(PY) -m mypy
endef

test: $(TESTED) ## run everything: linter, tests, every notebook, the browser; CI adds testnumbers, testweb and testcolab
	$(READ)
	@$(PY) -m pytest $(PYTEST_ARGS) --ignore=tests/web --ignore=tests/guest tests rlcourse/lessons notebooks

# The laws of the formulas and of the house. Those that train or iterate for seconds are left to `make test`.
LAWS := tests/test_architecture.py tests/course/test_listing.py $(patsubst %,tests/core/test_%.py,distributions exact networks \
	noise objectives replay returns transitions)
LONG := what_a_listing_shows_is_the_algorithm or without_discount_entropy_needs_an_ending or \
	rounding_takes_no_action_out_of_its_box

check: $(TESTED) ## before a commit, in under a minute: linter, layout, spelling, types, the core's laws
	$(READ)
	@$(PY) -m pytest -q -p no:nbval -m "not slow and not browser" -k "not ($(LONG))" $(LAWS)

# The tests whose verdict could hang on rounding. With these variables MKL, torch and (in tests/conftest.py) NumPy compute
# as on other processors: other last digits, and so after a few hundred gradient steps other runs from the same seeds.
# Ray, whose order of events is another every time, would tell nothing new.
NUMBERS := tests/core tests/course/test_claims.py tests/course/test_defaults.py tests/course/test_compare.py \
	$(wildcard rlcourse/lessons/*/tests/test_experiments.py rlcourse/lessons/*/tests/test_explorers.py)
PROCESSORS := "MKL_CBWR=COMPATIBLE ATEN_CPU_CAPABILITY=default" "MKL_ENABLE_INSTRUCTIONS=AVX2 OTHER_DIGITS=1"

testnumbers: $(TESTED) ## run the numeric tests as two other processors would compute them
	@for processor in $(PROCESSORS); do \
	    echo "The numeric tests with $$processor"; \
	    env $$processor $(PY) -m pytest -n $(JOBS) --dist loadfile --ignore=tests/core/algorithms/test_async_workers.py $(NUMBERS) \
	        || exit 1; \
	done

testweb: $(WEB) ## build the slides, the book and the editions, and try them in a browser without a network
	@$(PY) -m pytest -n $(JOBS) --dist loadfile tests/web

testmutants: $(TESTED) ## every checker against all wrong answers that are one change away from its solution (ten minutes)
	@env EVERY_MUTANT=1 $(PY) -m pytest -q -s -p no:nbval tests/course/test_exercise_mutants.py

mutants: $(TESTED) ## change the core and the checker in small ways: what does no test notice? (EVERY=12 ONLY="rlcourse.noise*")
	@$(PY) -m pip install --quiet mutmut==3.8.1
	@$(PY) tools/mutants.py --jobs $(JOBS) --every $(EVERY) --only '$(or $(ONLY),*)'

testcolab: $(TESTED) ## run every lesson with the versions that Colab has
	@$(PY) tools/guest.py
	@$(PY) -m pytest -n $(JOBS) tests/guest

lock: $(TESTED) ## resolve the packages for every platform and Python, and print what a student downloads
	@$(PY) tools/lock.py

notebooks: $(TESTED) ## run every notebook from a clean kernel and store its outputs (ONLY="01 03" for some)
	@$(PY) tools/run_notebooks.py $(ONLY)

contents: $(TESTED) ## write what is made from the folders of the lessons: tables of contents, instructors' page
	@$(PY) tools/contents.py

gallery: $(TESTED) ## train the gallery's tasks anew, 16 seeds each
	@$(PY) -m rlcourse.course.gallery

figures: $(TESTED) ## draw every figure of assets/ anew
	@$(PY) tools/figures.py

claims: $(TESTED) ## measure the numbers behind the claims anew
	@$(PY) -m rlcourse.course.measure

defaults: $(TESTED) ## train the agents with their default settings on 100 seeds anew, as three processors would
	@$(PY) -m rlcourse.course.defaults

bench: $(WEB) ## print timings: rollout, training, explorers from slider to picture, every lesson
	@$(PY) tools/bench.py

screenshots: $(TESTED) ## photograph every lesson in both themes (into build/screenshots), and the README's picture
	@$(PY) tools/screenshot.py --out build/screenshots
	@$(PY) tools/screenshot.py --readme

# The environment: made once, brought up to date when the lists of packages change, or when the folder has moved.
STALE := $(shell for file in $(VENV)/installed*; do [ ! -f "$$file" ] || [ "$$(cat "$$file")" = "$(CURDIR)" ] || rm -f "$$file"; done)

$(INSTALLED) $(TESTED): pyproject.toml constraints.txt tools/install.py
	@"$(or $(PYTHON),python3)" tools/install.py $(if $(filter $(TESTED),$@),test,lab)

# What the slides, the book and the editions need besides: Sphinx, nbgrader, and the scripts that pages carry along.
$(WEB): $(TESTED) web/package-lock.json
	@command -v npm >/dev/null || { \
	    echo "The slides and the book carry reveal.js and MathJax along, which npm fetches once; npm was not found."; \
	    echo "Install Node.js (it brings npm), then run this again. The lessons themselves do without."; exit 1; }
	@"$(PYTHON)" tools/install.py test web grading
	@cd web && npm ci --silent --ignore-scripts --no-audit --no-fund
	@echo "$(CURDIR)" > $@
