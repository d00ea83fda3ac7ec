# One table of commands: `make help`. The README and CONTRIBUTING show the same.
PYTHON ?= python3
VENV ?= .venv
# PyTorch for the CPU; for a GPU build see the README.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu

BIN := $(VENV)/bin
PY := $(BIN)/python
READY := $(VENV)/.ready
# nbgrader brings a JupyterLab of its own.
NBGRADER := .venv-course/bin/nbgrader
HTML := _build/html
PYTEST := $(PY) -m pytest -n 2 --dist loadfile
SITE_TESTS := tests/tools/test_plain.py tests/browser

# Links into the repository are checked on its files here.
GITHUB := github.com/lstmbook/lstmbook
COLAB := https://colab.research.google.com/github/lstmbook/lstmbook/blob/notebooks
SOURCE := https://$(GITHUB)/(?:blob|edit)/main

# Two threads make small recurrent nets slower; notebooks draw with the inline backend.
export OMP_NUM_THREADS = 1
unexport MPLBACKEND

.PHONY: book pdf test built units course test-course run lab edit exercises bench experiments links site-report equations quizzes figures slides check clean help

book: $(READY) ## build the site, strictly, from clean; without solutions: SOLUTIONS=0
	$(if $(filter-out 0 1,$(SOLUTIONS)),$(error SOLUTIONS is $(SOLUTIONS); expected 0 or 1))
	rm -rf _build && mkdir _build && $(PY) -m tools.withhold > _build/toc.yml
	$(BIN)/jupyter-book build . --all -n -W --keep-going \
	  $(if $(filter 0,$(SOLUTIONS)),--toc _build/toc.yml)
	@echo "The book is at $(CURDIR)/$(HTML)/index.html"

pdf: $(READY) ## print the built site as one PDF; needs Chromium or Chrome
	test -f $(HTML)/index.html || $(MAKE) book
	$(PY) -m tools.pdf

# ALL=1 is what CI runs. The site is built while the tests that do not need it run.
test: check ## run what guards the project; as CI does, with all that is slow: ALL=1
	$(MAKE) --no-print-directory -j2 built units
	$(PYTEST) $(if $(ALL),$(SITE_TESTS),$(filter-out %/browser,$(SITE_TESTS)))

built: $(READY)
	log=$$(mktemp) && { $(MAKE) book && $(MAKE) links; } > $$log 2>&1; \
	built=$$?; [ $$built = 0 ] || cat $$log; rm $$log; exit $$built

units: $(READY)
	$(PYTEST) $(if $(ALL),--cov=lstmbook,--ignore=book/solutions -m 'not slow') -p tools.kernels \
	  -p tools.nbval_figures --nbval --nbval-current-env --nbval-cell-timeout=300 \
	  $(SITE_TESTS:%=--ignore=%) book tests lstmbook

course: $(READY) ## write assignments, labs and graders for a class; SEED=… of hidden tests
	test -d $(HTML)/notebooks/solutions || $(MAKE) book SOLUTIONS=1
	$(PY) -m tools.course $(if $(SEED),--seed $(SEED)) $(if $(CHAPTER),--chapter $(CHAPTER))

test-course: $(READY) $(NBGRADER) ## grade made-up hand-ins with nbgrader, in an environment of its own
	NBGRADER=$(NBGRADER) $(PY) -m pytest tests/test_course_nbgrader.py

check: $(READY) ## lint code and notebooks, check the types of the library
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

run: $(READY) ## execute all notebooks in place; one with CHAPTER=2
	$(PY) -m tools.notebooks run $(if $(CHAPTER),--chapter $(CHAPTER))

exercises: $(READY) ## write the exercises' cells into the notebooks anew
	$(PY) -m tools.exercises

equations: $(READY) ## write the appendix Equations anew
	$(PY) -m tools.equations

quizzes: $(READY) ## write the quizzes for Canvas and Moodle, in _build/quizzes
	$(PY) -m tools.quizzes

figures: $(READY) ## write each figure, light and dark, in _build/figures; SVG=1, CHAPTER=2
	test -f $(HTML)/index.html || $(MAKE) book
	$(PY) -m tools.figure_files $(if $(SVG),--svg) $(if $(CHAPTER),--chapter $(CHAPTER))

slides: $(READY) ## write a lecture and a deck for each chapter, in _build/slides; PDF needs Chromium
	test -f $(HTML)/index.html || $(MAKE) book
	$(PY) -m tools.slides

lab: $(READY) ## read the notebooks in JupyterLab, equations and links resolved
	test -d $(HTML)/notebooks || $(MAKE) book
	$(BIN)/jupyter lab $(HTML)/notebooks

edit: $(READY) ## edit the notebooks' sources in JupyterLab
	$(BIN)/jupyter lab book

bench: $(READY) ## measure speed side by side with PyTorch, write the appendix Speed
	$(PY) -m benchmarks.speed --write

experiments: $(READY) ## run the stored experiments with many seeds; one with NAME=forget-bias
	$(PY) -m lstmbook.course.experiments run $(NAME)

links: $(READY) ## check the links of the built site
	$(BIN)/lychee --offline --include-fragments --root-dir $(CURDIR)/$(HTML) \
	  --exclude-path _static --exclude-path _sources --no-progress \
	  --remap '$(COLAB)/(.*) file://$(CURDIR)/$(HTML)/notebooks/$$1' \
	  --remap '$(SOURCE)/(.*) file://$(CURDIR)/$$1' \
	  --remap 'file://$(CURDIR)/$(HTML)/lstmbook/(.*) file://$(CURDIR)/$(HTML)/$$1' $(HTML)

site-report: $(READY) ## measure each page of the built site: weight, speed, faults
	test -d $(HTML) || $(MAKE) book
	$(PY) -m tools.site_report $(PAGE)

# _course stays: it may hold what a class has handed in.
clean: ## remove the site, the environment and all caches
	rm -rf _build $(VENV) .venv-course .pytest_cache .ruff_cache .coverage .hypothesis *.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} +

help: ## show this table
	@sed -n 's/^\([a-z-]*\):.*## /\1@/p' Makefile | awk -F@ '{printf "%-11s  %s\n", $$1, $$2}'

# The package alone first: pip then says at once if this Python is not supported.
# PyTorch next and by itself: its index is then asked for nothing else, and where it
# cannot be reached pip goes on with the build that the default index has.
$(READY): pyproject.toml constraints.txt
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install -q --no-deps -e .
	$(PY) -m pip install -q --retries 1 --timeout 15 --no-deps \
	  --extra-index-url $(TORCH_INDEX) $$(grep '^torch==' constraints.txt)
	$(PY) -m pip install -q -c constraints.txt -e '.[book,test]'
	@touch $@

$(NBGRADER):
	$(PYTHON) -m venv .venv-course
	.venv-course/bin/pip install -q nbgrader==0.9.6 $$(grep '^numpy==' constraints.txt)
