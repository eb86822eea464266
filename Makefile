# Causeway: every target explains itself with `make help`.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo test soak fuzz build release bench format lint install clean bootstrap

PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
DESTDIR ?=

# The compiler holds the layers' direction: a module may import only what Package.swift declares for it.
SWIFT_FLAGS := --explicit-target-dependency-import-check error
# The binary carries Swift's runtime with it: a server needs libcurl, libpq and libsqlite3, but no toolchain.
RELEASE_FLAGS := $(SWIFT_FLAGS) -c release --static-swift-stdlib --product causeway
RELEASE_BIN := .build/release/causeway
SOURCES := Package.swift Sources Tests
# What a run of the tests came to: where it failed, its last words are which tests did, and why.
TEST_EVENTS := .build/test-events.jsonl

help: ## Show this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@printf '\nSettings of make install: PREFIX (%s), SYSCONFDIR (%s), DESTDIR (%s)\n' '$(PREFIX)' '$(SYSCONFDIR)' '$(DESTDIR)'

demo: bootstrap ## Watch the product do its job: simulator, gateway, two subscribers, an export, two uploads
	@echo "==> building (the first time takes about six minutes on two cores, later ones seconds)"
	@swift build $(SWIFT_FLAGS) --product causeway
	@.build/debug/causeway demo

test: bootstrap lint ## Set up, check format and style, run all tests
	@echo "==> building and running all tests (the first build takes some minutes)"
	@rm -f '$(TEST_EVENTS)'
	@timeout --foreground 40m swift test --no-parallel --event-stream-version 0 \
		--event-stream-output-path '$(TEST_EVENTS)' $(SWIFT_FLAGS) || { status=$$?; Tests/failures '$(TEST_EVENTS)'; exit $$status; }

soak: bootstrap ## The long tests: every kill point of an export and an import, kills amid 10,000 deliveries, two gateways, uploads that stall (about a quarter of an hour)
	@echo "==> building and running the long tests"
	@rm -f '$(TEST_EVENTS)'
	@CAUSEWAY_SOAK=1 timeout --foreground 40m swift test --no-parallel --filter '^EndToEndTests\.(Kill|PairKill|DeliveryKill|ImportKill|StalledUpload)Tests' \
		--event-stream-version 0 --event-stream-output-path '$(TEST_EVENTS)' $(SWIFT_FLAGS) \
		|| { status=$$?; Tests/failures '$(TEST_EVENTS)'; exit $$status; }

build: bootstrap ## Build for development
	swift build $(SWIFT_FLAGS) --product causeway

release: bootstrap ## Build the optimised binary: .build/release/causeway
	@echo "==> building for release (the first time takes some minutes)"
	@swift build $(RELEASE_FLAGS)
	@$(RELEASE_BIN) --version

fuzz: bootstrap ## Fuzz the CSV reader, the decoding and the rules of imports for a minute in all
	@swift build $(SWIFT_FLAGS) --target Imports
	@Tests/Fuzz/run 20

bench: release ## Measure, each figure beside a yardstick in the same run (nginx, plain C, DuckDB, reading the file)
	@swift build $(subst --product causeway,--product storage-bench,$(RELEASE_FLAGS))
	@swift build $(subst --product causeway,--product import-bench,$(RELEASE_FLAGS))
	@Tests/Benchmarks/run '$(RELEASE_BIN)' .build/release/storage-bench

format: ## Format all Swift files in place
	swift format --in-place --recursive --parallel $(SOURCES)

lint: ## Check format and style, strictly
	@echo "==> checking format and style"
	@swift format lint --strict --recursive --parallel $(SOURCES)

# Through sudo what was built is taken as it is: root needs no Swift, and leaves no files of its own in .build.
install: $(if $(and $(SUDO_UID),$(wildcard $(RELEASE_BIN))),,release) ## Install binary, systemd unit, environment file
	@deploy/install '$(RELEASE_BIN)' '$(PREFIX)' '$(SYSCONFDIR)' '$(DESTDIR)'

clean: ## Remove everything that was built
	rm -rf .build

bootstrap:
	@deploy/bootstrap
