# A thin front over CMake, Ninja and the scripts in tools/. `make help` lists the targets.
SHELL := /bin/sh
MODEL ?=
ARGS ?=
PREFIX ?= $(HOME)/.local
FUZZ_SECONDS ?= 60
export FUZZ_SECONDS

.DEFAULT_GOAL := build
.PHONY: build run page test check bench install format clean help packages-build packages-test packages-check

help: ## say what the targets do
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' Makefile | \
	  while IFS='|' read -r name text; do printf '%-16s%s\n' "$$name" "$$text"; done

packages-build:
	@tools/install_packages.sh build
packages-test:  # a browser; without it the page's tests skip
	@tools/install_packages.sh test || true
packages-check: packages-build
	@tools/install_packages.sh check

build: packages-build ## build/carat, optimised, without tests or benchmarks
	@tools/build.sh

run: build ## talk to a model: make run [MODEL=/path/to/gemma-4-12b.gguf] [ARGS="..."]
	@MODEL='$(MODEL)' tools/run.sh $(ARGS)

page: build ## open the page in a browser, with a server behind it: make page
	@build/carat page

test: packages-build packages-test ## build with the tests and run them; needs neither a model nor a GPU
	@tools/test.sh

check: packages-check ## format, layers, walks, kernel symbols, clang-tidy, sanitizers, fuzzing
	@tools/check.sh

bench: packages-build ## measure a model: make bench [MODEL=/path/to/gemma-4-12b.gguf] [ARGS="..."]
	@MODEL='$(MODEL)' tools/bench.sh $(ARGS)

install: build ## install to PREFIX (default ~/.local), no root needed
	@cmake --install build --prefix '$(PREFIX)'

format: packages-check ## format all C++ in place
	@tools/format.sh -i

clean: ## remove build/
	rm -rf build
