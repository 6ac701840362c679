# SPDX-License-Identifier: Apache-2.0
# What each target does is in CONTRIBUTING.md; `make` alone lists them.
#   JOBS=n   parallel compile jobs (default: the number of CPUs)
#   SEQUENCES=n, PROGRAMS=n   random cases of `differential`, of `differential-bpf`
#   SECONDS=n   how long `fuzz` feeds each parser
#   ARGS=... passed on to what `run` and `bench` start
.DEFAULT_GOAL := help
.PHONY: help setup run build test differential differential-bpf lint layers tsan asan fuzz bench docs install clean
.NOTPARALLEL:

jobs := $(if $(JOBS),-j $(JOBS))

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 18

setup: ## install missing packages; prints the line to paste when it may not
	@scripts/setup

run: setup ## build in release and show cpumapd at work (ARGS="--seconds 5")
	@swift build -c release --product cpumapd $(jobs)
	@.build/release/cpumapd demo $(ARGS)

build: setup ## build everything, in debug
	@swift build --build-tests $(jobs)

test: ## every test: debug, release, the running kernel, instructions, thread and address sanitizer
	@scripts/setup tests
	@scripts/run-tests

differential: setup ## random packets and programs' steps, compared with the running kernel (SEQUENCES=n)
	@scripts/differential

differential-bpf: setup ## random eBPF programs: interpreter, machine code and the running kernel (PROGRAMS=n)
	@scripts/differential bpf

lint: setup ## format, licence lines, banned words, links, hot functions
	@scripts/lint

layers: setup ## the order of the targets, and that imports keep to it
	@scripts/check-layers

tsan: setup ## the suites that have threads, under ThreadSanitizer
	@scripts/run-tests thread

asan: setup ## the suites that have memory, under AddressSanitizer and LeakSanitizer
	@scripts/run-tests address

fuzz: setup ## hostile input for every parser, SECONDS=n each (60)
	@scripts/fuzz $(or $(SECONDS),60) $(ARGS)

bench: setup ## ours beside its peers, in one run; writes bench.json (ARGS=--quick)
	@scripts/bench $(ARGS)

docs: setup ## the API documentation, into .build/docs
	@scripts/docs

install: ## programs, manual pages, completions and the unit (DESTDIR=..., PREFIX=/usr)
	@DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)" JOBS="$(JOBS)" scripts/install

clean: ## remove everything that was built
	@rm -rf .build .build-* Benchmarks/.build bench.json
