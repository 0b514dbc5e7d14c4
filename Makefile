# `make run` and `make test` need Python 3.11+ and make, nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
STAMP_DEV := $(VENV)/.installed-dev
# pip, because it is configured for the indexes that can be reached; .ci/run takes uv, which is quicker.
PIP_INSTALL ?= $(BIN)/pip install --quiet --disable-pip-version-check

.PHONY: install install-s3 install-dev run test check check-frontend long lint audit bench frontend words lock

install: $(STAMP)
install-dev: $(STAMP_DEV)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("Interlock needs Python 3.11 or newer; set PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

# Bytecode is compiled here, so that the first start does not have to.
$(STAMP): requirements.lock pyproject.toml | $(VENV)/bin/python
	$(PIP_INSTALL) --require-hashes -r requirements.lock
	$(PIP_INSTALL) --no-deps --editable .
	$(BIN)/python -m compileall -q engine versions dashboard manage.py
	@touch $@

$(STAMP_DEV): requirements-dev.lock $(STAMP)
	$(PIP_INSTALL) --require-hashes -r requirements-dev.lock
	@touch $@

# What INTERLOCK_ARTIFACTS=s3://... needs beside it.
install-s3: $(STAMP)
	$(PIP_INSTALL) --require-hashes -r requirements-s3.lock

run: install
	@exec $(BIN)/python manage.py up $(ARGS)

# Lanes of tests: tests/README.md says what runs in which. ARGS="tests/live -k name" for a part. More workers than
# cores, for tests mostly wait.
WORKERS ?= $(shell echo $$(( 2 * $$(nproc 2>/dev/null || echo 2) )))
REPORTS := build/reports
PYTEST := $(BIN)/python -m pytest -q --durations=10 --durations-min=1
PARALLEL := $(PYTEST) -n $(WORKERS)

test: install-dev
	$(PARALLEL) --junitxml=$(REPORTS)/test.xml $(ARGS) \
		-m "not (long or timed or postgres or redis) and (smoke or not (processes or faults or browser))"

# What must hold before a change lands. Needs Node, PostgreSQL and Redis too; .ci/run installs them.
# The documents that the front end's tests make by random edits are validated by tests/unit/test_editor_edits.py.
check: export INTERLOCK_EDITED_DOCUMENTS := $(abspath $(REPORTS)/edited-documents.jsonl)
check: install-dev
	mkdir -p $(REPORTS)
	$(MAKE) -j 2 --output-sync=target lint check-frontend
	$(PARALLEL) --junitxml=$(REPORTS)/check.xml -m "not (long or timed)"
	DATABASE_URL="postgresql://$${PGUSER:-postgres}:$${PGPASSWORD:-}@$${PGHOST:-127.0.0.1}:$${PGPORT:-5432}/postgres" \
		$(PARALLEL) --junitxml=$(REPORTS)/check-postgres.xml -m "not (long or timed)" tests/conformance tests/integration/engine
	.ci/first-hour

# Everything that starts processes or is drawn at random, in its long form and one test at a time, so that times are
# asserted too; then the advisory services are asked about what is installed.
long: install-dev
	INTERLOCK_LONG=1 $(PYTEST) --timeout=7200 --junitxml=$(REPORTS)/long.xml $(ARGS) \
		-m "long or timed or not (unit or integration or browser)"
	$(BIN)/python .ci/audit.py || [ $$? = 75 ]

lint: install-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	INTERLOCK_HOME="$$(mktemp -d)" $(BIN)/python manage.py makemigrations --check --dry-run

# Known holes in what is installed and in what the front end is built from. Fails on one, and also (75) when a service
# cannot be asked.
audit: install-dev
	$(BIN)/python .ci/audit.py

bench: install
	@$(BIN)/python manage.py bench $(ARGS)

# Needs Node; only for those who change the front end. DIST says where the build goes, from static/.
DIST ?= dist
frontend:
	cd static && npm ci --no-audit --no-fund && npm run check && npm test && npm run build -- --outDir $(DIST) --emptyOutDir

# What is built from the sources is what is committed.
check-frontend:
	$(MAKE) frontend DIST="$(abspath build/dist)"
	diff -rq build/dist static/dist || { echo "static/dist differs from what its sources build: run make frontend and commit."; exit 1; }

# Needs gettext. Takes new words into the catalogues, and out what nobody says; translate what is empty or fuzzy, then
# once more, for it compiles them too. tests/unit/test_locale.py says what is missing.
FIND_WORDS := manage.py makemessages -l zh_Hant --no-location --no-obsolete --no-wrap -i .venv -i node_modules -i tests
words: install-dev
	$(BIN)/python $(FIND_WORDS) -e html,py -i static
	$(BIN)/python $(FIND_WORDS) -d djangojs -e ts,tsx -i '*.test.ts' -i static/dist
	$(BIN)/python manage.py compilemessages -l zh_Hant -i .venv

# Renews the lock files from pyproject.toml.
lock: install-dev
	$(BIN)/uv pip compile --universal --generate-hashes --no-annotate --no-header --quiet --python-version 3.11 pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --universal --generate-hashes --no-annotate --no-header --quiet --python-version 3.11 --extra s3 -c requirements.lock pyproject.toml -o requirements-s3.lock
	$(BIN)/uv pip compile --universal --generate-hashes --no-annotate --no-header --quiet --python-version 3.11 --extra dev -c requirements-s3.lock pyproject.toml -o requirements-dev.lock
