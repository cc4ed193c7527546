# The two commands: `make demo` and `make test`. Both set up `.venv` first.
# PYTHON=/path/to/python3.11 chooses the interpreter (3.10, 3.11 or 3.12).

PYTHON ?= $(shell for v in 3.11 3.12 3.10; do python$$v -c 'import venv, ensurepip' 2>/dev/null \
  && { command -v python$$v; break; }; done)
BIN := .venv/bin
STAMP := .venv/.setup-done
EXTRAS ?= dev,demo
# What pins releases of others exactly. pip first chooses for what is named here; else it has chosen what they pin before
# it meets the pins, and then goes through years of releases of s3fs and huggingface-hub: a quarter of an hour and more.
PINNING := aiobotocore wikipedia-api
BENCH ?= querygen
BENCHES := $(sort $(patsubst tests/bench/bench_%.py,%,$(wildcard tests/bench/bench_*.py)))
space := $(subst ,, )
PYTEST_WORKERS ?= 3
# webdataset from 1.0 on neither unpickles nor runs commands that a tar or URL names.
export WDS_SECURE := 1

.DEFAULT_GOAL := help
.PHONY: help setup wordnet-of-debian demo test test-collection test-slow test-flink test-mediawiki peers lint bench clean
.DELETE_ON_ERROR:

help:
	@echo 'make setup        .venv with everything, WordNet (done once)'
	@echo 'make demo         the whole way on small real input, about five minutes on two cores; demo-output/'
	@echo 'make test         the tests, without those marked slow, flink and mediawiki; gpu ones skip where there is none'
	@echo 'make test-collection  collects the tests twice, with another time, folder, locale, hash seed: the same ids'
	@echo 'make test-slow    the tests that take minutes'
	@echo 'make test-flink   the tests on Flink; needs FLINK_JOB_SERVER_JAR and Java 11 or 17'
	@echo 'make test-mediawiki  the tests on a real MediaWiki; Debian: apt install mediawiki php-cli php-sqlite3 php-mbstring php-xml php-intl'
	@echo 'make peers        opens our files in pandas 3, DuckDB, Polars, datasets, webdataset 1, open_clip, Energon, DALI, and kills loaders; 7 GB'
	@echo 'make lint         ruff and mypy'
	@echo 'make bench        BENCH=$(subst $(space),|,$(BENCHES)): measures, beside its peers'
	@echo 'make clean        removes .venv, caches and demo-output/'

# WordNet is looked for each time: it lies in the user's cache, which lives less long than .venv, or longer.
setup: $(STAMP)
	@$(BIN)/python -m querygen wordnet || $(MAKE) --no-print-directory wordnet-of-debian

# Made again when pyproject.toml changes.
$(STAMP): pyproject.toml
	@test -n "$(PYTHON)" || { echo 'error: no python3.10, 3.11 or 3.12 with its venv module found (Debian: apt install python3-venv); give one: make setup PYTHON=/path/to/python3.11' >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] < (3, 13))' \
	  || { echo 'error: $(PYTHON) is not Python 3.10, 3.11 or 3.12; give one with PYTHON=' >&2; exit 2; }
	@echo '1/3  virtual environment in .venv, with $(PYTHON)'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo '2/3  newest pip'
	@$(BIN)/python -m pip install -q --upgrade pip
	@echo '3/3  some 210 packages: 3 GB to download, 7 GB in .venv, most of it torch and its CUDA libraries; pip names each'
	@echo '     with its size, then unpacks them, which takes a minute or two (counted on a terminal)'
	@$(BIN)/python -m pip install --disable-pip-version-check -e '.[$(EXTRAS)]' $(PINNING)
	@touch $@

# Where nltk's server is out of reach; unpacked, not installed: needs no root if apt knows its packages.
wordnet-of-debian:
	@echo '     taken from the Debian package wordnet-base instead'
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && cd "$$folder" \
	  && { apt-get -qq download wordnet-base 2> /dev/null || { apt-get -qq update && apt-get -qq download wordnet-base; }; } \
	  && dpkg-deb -x wordnet-base*.deb . \
	  && '$(CURDIR)/$(BIN)/python' -m querygen wordnet --wordnet-dir usr/share/wordnet

demo: setup
	$(BIN)/python -m tests.demo

test: setup
	$(BIN)/python -m pytest -n $(PYTEST_WORKERS) --dist loadfile -m 'not slow and not flink and not mediawiki'
	@echo 'left out: tests marked slow (make test-slow), flink (make test-flink) and mediawiki (make test-mediawiki); other skips are named above'

test-collection: setup
	$(BIN)/python -m tests.collected

test-slow: setup
	$(BIN)/python -m pytest -m slow

test-flink: setup
	@test -f "$$FLINK_JOB_SERVER_JAR" || { echo 'error: set FLINK_JOB_SERVER_JAR to the Flink job server jar' >&2; exit 2; }
	$(BIN)/python -m pytest -m flink

test-mediawiki: setup
	@$(BIN)/python -c 'import sys; from tests.support.mediawiki_server import missing_parts; \
	  lacking = missing_parts(); sys.exit(lacking and f"error: {lacking}")' || exit 2
	$(BIN)/python -m pytest -m mediawiki

# Environments of their own: their versions and ours exclude each other.
peers: setup
	$(BIN)/python -m tests.peers.environments
	$(BIN)/python -m pytest -m peers

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: setup
	@test -f tests/bench/bench_$(BENCH).py || { echo 'error: there is no bench $(BENCH)' >&2; ls tests/bench; exit 2; }
	$(BIN)/python -m tests.bench.bench_$(BENCH)

clean:
	rm -rf .venv .venv-peers demo-output build .mypy_cache .ruff_cache .pytest_cache .hypothesis ./*.egg-info
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
