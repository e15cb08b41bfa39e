# What can be done with a checkout; `make` alone prints this list.
# The recipes are short: the work is in lab/ (real servers and clients), in Cargo, and in the `zonegate` command.

TARGET   := $(or $(CARGO_TARGET_DIR),target)
FILTER   := $(TARGET)/wasm32-wasip1/release/zonegate_filter.wasm
COMPONENT:= $(TARGET)/wasm32-unknown-unknown/release/zonegate_component.wasm
HTTP_GATE:= $(TARGET)/wasm32-wasip1/release/zonegate_http_gate.wasm
MIDDLEWARE:= $(TARGET)/wasm32-wasip1/release/zonegate_middleware.wasm
ZONEGATE := $(TARGET)/debug/zonegate
LAB      := python3 -m lab
IMAGE    ?= zonegate:0.1
CONTAINERS ?= $(firstword $(shell command -v podman docker buildah))
RUN      := .lab/run$(if $(PORT),-$(PORT))

.DEFAULT_GOAL := help
.PHONY: help run test build component release image lint fmt policies publish bench e2e setup clean

help: ## print this list
	@echo "Zonegate: a policy gate for DNS provider APIs."
	@echo
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  PORT=9000 make run      other ports: the gate gets this one, PowerDNS the two after it"
	@echo "  ENVOY=/path PDNS=/path  programs of your own instead of the pinned ones"
	@echo "  UPSTREAM=http://host:port UPSTREAM_KEY=... make run   in front of a PowerDNS API that runs already"

run: ## start the gate in front of a PowerDNS with demo zones and keys; Ctrl-C stops it
	@$(LAB) run

test: setup build component ## run everything: unit, property, table, wasm-host, Envoy and real-client tests
	cargo test --workspace --locked
	$(LAB) pytest

build: ## build the filter and the command; print the filter's size and imports
	@python3 -c "from lab import install; install.setup(for_tests=False, only='WebAssembly')"
	cargo build --release --locked --target wasm32-wasip1 -p zonegate-filter
	cargo build --locked -p zonegate-cli
	@python3 -m lab.module $(FILTER)

# The linker comes with Rust; it makes a component of the module that wit-bindgen describes.
component: ## build the engine as a WebAssembly component, and the wasi:http gates
	@python3 -c "from lab import install; install.setup(for_tests=False, only='WebAssembly')"
	cargo rustc --release --locked --target wasm32-unknown-unknown -p zonegate-component --lib --crate-type cdylib -- \
	  -C linker=wasm-component-ld
	for each in zonegate-http-gate zonegate-middleware zonegate-example-service; do \
	  cargo rustc --release --locked --target wasm32-wasip1 -p $$each --lib --crate-type cdylib -- \
	    -C linker=wasm-component-ld || exit 1; \
	done
	@ls -l $(COMPONENT) $(HTTP_GATE) $(MIDDLEWARE)

release: ## build the filter and the command for a release: slower to build, smaller and faster to run
	@python3 -c "from lab import install; install.setup(for_tests=False, only='WebAssembly')"
	cargo build --profile dist --locked --target wasm32-wasip1 -p zonegate-filter
	cargo build --profile dist --locked -p zonegate-cli
	@python3 -m lab.module $(TARGET)/wasm32-wasip1/dist/zonegate_filter.wasm

# What goes into the image is put into a folder of its own, so that nothing else of the checkout can.
image: release ## make the image for Kubernetes and meshes; IMAGE= names it, CONTAINERS= is podman, docker or buildah
	@test -n "$(CONTAINERS)" || { echo "make image needs podman, docker or buildah" >&2; exit 1; }
	@mkdir -p $(TARGET)/image
	@cp envoy/Containerfile $(TARGET)/dist/zonegate $(TARGET)/wasm32-wasip1/dist/zonegate_filter.wasm $(TARGET)/image/
	$(CONTAINERS) build --file $(TARGET)/image/Containerfile --tag $(IMAGE) $(if $(ENVOY_IMAGE),--build-arg ENVOY=$(ENVOY_IMAGE)) $(TARGET)/image

lint: ## check formatting and lints
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	@python3 -c "from lab import install; install.setup(for_tests=False, only='WebAssembly')"
	cargo clippy --target wasm32-wasip1 -p zonegate-filter --locked -- -D warnings

fmt: ## format the code
	cargo fmt --all

policies: $(ZONEGATE) ## check policies/ and run its decision tables
	$(ZONEGATE) check
	$(ZONEGATE) test

publish: $(ZONEGATE) ## check policies/ and hand them to the gate that `make run` has started
	$(ZONEGATE) bundle policies --demo --wasm $(abspath $(FILTER)) --output $(RUN)/envoy.d/zonegate.json

.PHONY: $(ZONEGATE)
$(ZONEGATE):
	@cargo build --locked --quiet -p zonegate-cli

bench: setup build component ## measure: the engine alone and as a component, Envoy with and without the gate, few and many keys and policies
	cargo bench --locked -p zonegate-engine --bench decide
	cargo bench --locked -p zonegate-component --bench cost
	$(LAB) bench

e2e: setup build ## run only the tests with real servers and clients
	$(LAB) pytest

setup: ## get Envoy, PowerDNS and the test clients into .lab (idempotent)
	@$(LAB) setup

clean: ## remove what was built and what was fetched
	cargo clean
	rm -rf .lab
