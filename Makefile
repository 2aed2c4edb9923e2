# make demo   the whole loop on demo messages, in about a minute
# make check  the gate: ruff, mypy, import contracts, tests
# make test-slow  what takes minutes: killed again and again, clusters that are lost, networks side by side
# make masks   what the masks find, by kind and form
# make browser  the console in Debian's Chromium: keys, touch, axe; pictures in build/browser
# make cases   small inputs that once failed, where ../shared has them
# make bench, make choices   speed; what each choice in ulmfit.v1 is worth (hours)
# make catalogues  translations of the report and the console, after their sentences change
# make wheels, make image  what an air-gapped machine installs; the same as a container image
# make container-check WORKSPACES=DIR   the image on one core: speed, memory, overload
# make container-retrain   a new class from its labels to the service's answers, in containers without a network
# make languages CORPORA=DIR   train Firstline's own language models on (an hour for each direction)

PYTHON ?= python3
VENV := .venv
SERVE_VENV := .venv-serve
BIN := $(VENV)/bin
LANGUAGES := $(wildcard languages/*/pyproject.toml)
# Without compiling everything at once: Python compiles what it imports, which is a fraction.
PIP := pip install --quiet --disable-pip-version-check --no-deps --no-compile

# Also where a machine forbids bytecode: hundreds of processes would each compile everything.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup environments demo test test-all test-serving-set test-slow browser cases check lint types imports lock docs catalogues wheels image console-load container-check container-retrain bench bulk scaling masks peers served choices seeds planted promises unknown labelling names searches languages clean

help:
	@sed -n 's/^# //p' Makefile

# The environment: everything pinned, with hashes but for torch, whose builds differ; and the language models.
setup: $(VENV)/.ready

$(VENV)/.ready: requirements/serve.lock requirements/dev.lock requirements/postgres.lock requirements/torch.lock pyproject.toml $(LANGUAGES)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/$(PIP) --require-hashes -r requirements/serve.lock
	$(BIN)/$(PIP) --require-hashes -r requirements/dev.lock
	$(BIN)/$(PIP) --require-hashes -r requirements/postgres.lock
	$(BIN)/$(PIP) -r requirements/torch.lock
	$(BIN)/$(PIP) -e .
	$(BIN)/$(PIP) --no-build-isolation $(addprefix ./,$(dir $(LANGUAGES)))
	@touch $@

# What a serving machine has: no scikit-learn, no torch.
$(SERVE_VENV)/.ready: requirements/serve.lock requirements/serve-tests.lock pyproject.toml
	$(PYTHON) -m venv $(SERVE_VENV)
	$(SERVE_VENV)/bin/$(PIP) --require-hashes -r requirements/serve.lock
	$(SERVE_VENV)/bin/$(PIP) --require-hashes -r requirements/serve-tests.lock
	$(SERVE_VENV)/bin/$(PIP) -e .
	@touch $@

environments: $(VENV)/.ready $(SERVE_VENV)/.ready

demo: setup
	@BIN=$(BIN) sh demo.sh

PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest

test: test-serving-set test-all

test-all: setup
	$(PYTEST) -n auto --dist loadfile --no-loadscope-reorder --durations 10 --durations-min 3

# With what a serving machine has.
test-serving-set: $(SERVE_VENV)/.ready
	SERVING_SET=1 $(SERVE_VENV)/bin/python -m pytest tests/serve_only

# One at a time: they count on cores that nobody else takes.
test-slow: setup
	$(PYTEST) -m slow --durations 0

# The console in a real browser, in both languages, on a desktop and a phone. Pictures are in build/browser.
browser: setup
	@command -v chromium >/dev/null || { apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium; }
	$(PYTEST) tests/browser $(OPTIONS)

# The cases of ../shared/cases, one test each.
cases: setup
	$(PYTEST) tests/functional/test_cases.py

check:
	$(MAKE) --jobs 2 environments
	$(MAKE) --jobs 2 --output-sync test-serving-set types lint imports
	$(MAKE) test-all

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: setup
	$(BIN)/mypy

imports: setup
	$(BIN)/lint-imports --no-cache

# docs/settings.md and the like are made from the code; a test compares them.
docs: setup
	$(BIN)/python -m tests.make_docs

# The sentences of pages for people: found in the templates, added to the .po files, compiled. Translate in between.
REPORT := src/firstline/evaluation/report
CONSOLE := src/firstline/console
catalogues: setup
	set -e; for place in report:$(REPORT) console:$(CONSOLE); do domain=$${place%%:*} folder=$${place#*:}; \
		$(BIN)/pybabel --quiet extract --mapping-file pyproject.toml --keywords later --no-location --sort-output \
			--no-wrap --output-file $$domain.pot $$folder; \
		$(BIN)/pybabel --quiet update --domain $$domain --input-file $$domain.pot --output-dir $$folder/locale --locale ru \
			--no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date --no-wrap; \
		$(BIN)/pybabel --quiet compile --domain $$domain --directory $$folder/locale; rm $$domain.pot; done

# What an air-gapped machine installs, in dist: Firstline and its language models, built offline, and every library that
# serving and training need, for this platform. PyTorch's CPU build: where pip finds another, set PIP_EXTRA_INDEX_URL.
DOWNLOAD := pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --dest dist
wheels: setup
	rm -rf dist
	$(BIN)/pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir dist . \
		$(addprefix ./,$(dir $(LANGUAGES)))
	for lock in serve postgres; do $(BIN)/$(DOWNLOAD) --require-hashes -r requirements/$$lock.lock || exit 1; done
	for lock in train encoder-serving; do $(BIN)/$(DOWNLOAD) -r requirements/$$lock.lock || exit 1; done

# The image that serves, or with TARGET=train the one that trains, from dist alone: build/TARGET/image.tar and its
# SHA-256. CONTAINER=docker works as well; BASE names another base image; EXTRAS=[encoder-serving] adds an extra.
# Without a cache, since podman does not notice that the wheels changed.
CONTAINER := podman
TARGET := serve
IMAGE := localhost/firstline-$(TARGET):$(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
BUILD_ARGUMENTS := $(if $(BASE),--build-arg BASE=$(BASE)) $(if $(EXTRAS),--build-arg 'EXTRAS=$(EXTRAS)')
image:
	test -n "$$(ls dist/*.whl)"
	mkdir -p build/$(TARGET)
	rm -f build/$(TARGET)/image.tar*
	BUILDAH_FORMAT=docker $(CONTAINER) build --no-cache --network=none $(BUILD_ARGUMENTS) --target $(TARGET) --tag $(IMAGE) \
		--file deploy/Dockerfile dist
	$(CONTAINER) save --output build/$(TARGET)/image.tar $(IMAGE)
	cd build/$(TARGET) && sha256sum image.tar > image.tar.sha256

# Both images, and the one that serves on one core: throughput, latency, memory, overload. Needs Debian and root; half an
# hour for two models. make container-check WORKSPACES="DIR DIR" OPTIONS="--minutes 1"
container-check: wheels
	$(BIN)/python -m benchmarks.container_check $(WORKSPACES) $(OPTIONS)

# Both images: labels of a new class are imported, `retrain` promotes, and the service answers with it. Needs Debian and
# root; ten minutes. make container-retrain OPTIONS="--labelled FILE --new-class NAME"; --load-images builds none.
container-retrain: wheels
	$(BIN)/python -m benchmarks.container_retrain $(OPTIONS)

# Twenty people label at once among a million messages on PostgreSQL. make console-load OPTIONS="--minutes 5 --kill"
console-load: setup
	$(BIN)/python -m benchmarks.console_load $(OPTIONS)

# The service beside services that a team would write itself. make served WORKSPACE=DIR MESSAGES=FILE
served: setup
	$(BIN)/python -m benchmarks.served_peers --workspace $(WORKSPACE) --messages $(MESSAGES)

# Other people's classifiers on the same files: an hour each. make peers DATA=DIR WORKSPACE=DIR
peers: setup
	$(BIN)/python -m benchmarks.peers.compare --data $(DATA) --workspace $(WORKSPACE)

bench: setup
	$(BIN)/python -m benchmarks.import_speed
	$(BIN)/python -m benchmarks.training_time
	$(BIN)/python -m benchmarks.http_latency
	$(BIN)/python -m benchmarks.hostile_clients

# How fast `firstline classify` is on a million messages: minutes. make bulk WORKSPACE=DIR OPTIONS="--texts FILE --dask 2"
bulk: setup
	$(BIN)/python -m benchmarks.bulk_speed --workspace $(WORKSPACE) $(OPTIONS)

# How time and memory of training grow with the labels: hours for all sizes. make scaling POOL=FILE OPTIONS="--sizes 1500,5000"
scaling: setup
	$(BIN)/python -m benchmarks.scaling --pool $(POOL) $(OPTIONS)

# What the masks find, by kind and form. make masks FORMS=FILE
masks: setup
	$(BIN)/python -m benchmarks.masks $(FORMS)

# DEAP, TPE and TPOT against the defaults: hours. make searches WORKSPACE=DIR RESULTS=FILE
searches: setup
	$(BIN)/python -m benchmarks.search_methods --workspace $(WORKSPACE) --results $(RESULTS)

# What each choice in ulmfit.v1 is worth on a workspace: hours. make choices WORKSPACE=DIR RESULTS=FILE
choices: setup
	$(BIN)/python -m benchmarks.ulmfit_choices --workspace $(WORKSPACE) --results $(RESULTS)

# What chance does to ulmfit.v1, three trainings in full: an hour. make seeds WORKSPACE=DIR TEST=FILE RESULTS=FILE
seeds: setup
	$(BIN)/python -m benchmarks.ulmfit_seeds --workspace $(WORKSPACE) --test $(TEST) --results $(RESULTS)

# How many planted wrong labels `firstline suspects` lists: minutes. make planted DATA=FILE
planted: setup
	$(BIN)/python -m benchmarks.planted_labels --data $(DATA)

# What the names of classes teach: minutes. make names WORKSPACE=DIR LABELS=250
names: setup
	$(BIN)/python -m benchmarks.class_names --workspace $(WORKSPACE) --labels $(LABELS)

# How well unknown messages are told apart: minutes. make unknown DATA=DIR LANGUAGE=en OPTIONS="--hide 0.25"
unknown: setup
	$(BIN)/python -m benchmarks.unknown --data $(DATA) --language $(LANGUAGE) $(OPTIONS)

# How many labels the labelling queue saves: an hour. make labelling DATA=DIR OPTIONS="--language ru --keep DIR"
labelling: setup
	$(BIN)/python -m benchmarks.active_learning --set $(DATA) $(OPTIONS)

# Whether what is promised of routed messages is kept: minutes. make promises DATA=DIR LANGUAGE=en PRECISION="0.95 0.85"
promises: setup
	$(BIN)/python -m benchmarks.promises --data $(DATA) --language $(LANGUAGE) --precision $(PRECISION)

# Pretraining from text, then wheels: see languages/pretrain.sh.
languages: setup
	@BIN=$(BIN) sh languages/pretrain.sh $(CORPORA)

# New versions of everything. Needs pip-tools. What `make setup` installs has hashes; torch stands alone, since its
# builds differ from machine to machine, and NVIDIA's libraries are left out. PyTorch needs a newer setuptools than venv
# brings, which pip-compile pins only if it is allowed to.
LOCK := pip-compile --quiet --upgrade --strip-extras --no-emit-index-url --no-emit-find-links --no-header --annotation-style=line
WITHOUT := awk '/^[^ ]/ {skip = $$0 ~ /^(\#|firstline |torch==|torchvision==|nvidia-)/} !skip'
lock:
	$(LOCK) --generate-hashes --output-file requirements/serve.lock pyproject.toml
	$(LOCK) --allow-unsafe --extra train --constraint requirements/serve.lock --output-file requirements/train.lock pyproject.toml
	for extra in search encoders encoder-serving; do \
		$(LOCK) --allow-unsafe --extra $$extra --constraint requirements/train.lock --output-file requirements/$$extra.lock pyproject.toml; \
	done
	sed -i '/^firstline @/d; /^nvidia-/d; s/^torch==\([0-9.]*\)+cpu/torch==\1/' requirements/*.lock
	for extra in dev postgres serve-tests; do \
		$(LOCK) --generate-hashes --extra $$extra --constraint requirements/train.lock --output-file $$extra.new pyproject.toml; \
		$(WITHOUT) $$extra.new > requirements/$$extra.lock; rm $$extra.new; \
	done
	sed -n 's/^\(torch\|torchvision\)==\([0-9.]*\).*/\1==\2/p' requirements/train.lock > requirements/torch.lock

clean:
	rm -rf $(VENV) $(SERVE_VENV) demo-workspace
