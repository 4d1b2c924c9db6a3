# make build   dist/liblifeboat.so, dist/lifeboat-recovery.wasm, dist/lifeboat-cli.wasm
# make demo    the main job on a real database, step by step
# make test    everything that must hold, within an hour on two cores
# make soak    the same tests with their large sizes and long loops
# make bench   side by side with other ways to back up, as a table

CARGO ?= cargo
TARGET := $(or $(CARGO_TARGET_DIR),target)
LOCKED := --locked

# What Debian has to provide: a C compiler; a clang that knows WebAssembly, and its library for bindgen; the hosts of the tests.
PACKAGES_BUILD := gcc libc6-dev clang-19 llvm-19 libclang-19-dev
PACKAGES_DEMO := sqlite3 python3 python3-pip
PACKAGES_TEST := $(PACKAGES_DEMO) strace sqlcipher
PACKAGES_SOAK := $(PACKAGES_TEST) valgrind
PACKAGES_BENCH := $(PACKAGES_DEMO) age zstd

.PHONY: build demo test soak bench clean setup-build setup-demo setup-test setup-soak setup-bench rust

build: setup-build rust
	$(CARGO) build $(LOCKED) --release -p lifeboat-ext
	$(CARGO) build $(LOCKED) --profile component -p lifeboat-recovery --target wasm32-unknown-unknown
	$(CARGO) build $(LOCKED) --profile component -p lifeboat-cli --target wasm32-wasip2
	mkdir -p dist
	cp $(TARGET)/release/liblifeboat.so dist/
	$(CARGO) run $(LOCKED) --quiet --release -p lifeboat-assemble -- \
	  $(TARGET)/wasm32-unknown-unknown/component/lifeboat_recovery.wasm \
	  $(TARGET)/wasm32-wasip2/component/lifeboat-cli.wasm dist

demo: setup-demo build
	$(CARGO) build $(LOCKED) --release -p lifeboat-host-tests -p lifeboat-rust-host
	TARGET=$(TARGET) examples/demo.sh

test: setup-test build
	$(CARGO) fmt --all --check
	$(CARGO) clippy $(LOCKED) --workspace --all-targets -- -D warnings
	$(CARGO) clippy $(LOCKED) -p lifeboat-recovery -p lifeboat-core -p lifeboat-sqlite --target wasm32-unknown-unknown -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc $(LOCKED) --no-deps --workspace
	$(CARGO) test $(LOCKED) -p lifeboat-core -p lifeboat-sqlite -p lifeboat-ext -p lifeboat-cli
	$(CARGO) build $(LOCKED) --release --bins -p lifeboat-host-tests -p lifeboat-rust-host
	$(CARGO) test $(LOCKED) --release -p lifeboat-recovery -p lifeboat-host-tests

soak: setup-soak build
	LIFEBOAT_SOAK=1 $(CARGO) test $(LOCKED) --release -p lifeboat-ext
	LIFEBOAT_SOAK=1 $(CARGO) test $(LOCKED) --release -p lifeboat-recovery -p lifeboat-host-tests -- --include-ignored

bench: setup-bench build
	$(CARGO) bench $(LOCKED) -p lifeboat-host-tests --bench zkap

clean:
	$(CARGO) clean
	rm -rf dist

rust:
	@command -v rustup >/dev/null || { echo "Lifeboat needs Rust: install rustup from https://rustup.rs, then run make again." >&2; exit 1; }
	@rustup target add wasm32-unknown-unknown wasm32-wasip2 2>/dev/null || \
	  { rustup toolchain install && rustup target add wasm32-unknown-unknown wasm32-wasip2; }
	@rustup component list --installed | grep -q clippy || rustup component add clippy rustfmt

# Installs what is missing, or names the one command that does.
define install
	@missing=""; for package in $(1); do dpkg -s $$package >/dev/null 2>&1 || missing="$$missing $$package"; done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ]; then sudo=""; elif sudo -n true 2>/dev/null; then sudo=sudo; \
	else echo "Lifeboat needs some packages. Run this, then make again:" >&2; \
	  echo "  sudo apt-get install$$missing" >&2; exit 1; fi; \
	$$sudo apt-get update -qq && $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $$missing >/dev/null
endef

setup-build:
	$(call install,$(PACKAGES_BUILD))
setup-demo:
	$(call install,$(PACKAGES_BUILD) $(PACKAGES_DEMO))
setup-test:
	$(call install,$(PACKAGES_BUILD) $(PACKAGES_TEST))
setup-soak:
	$(call install,$(PACKAGES_BUILD) $(PACKAGES_SOAK))
setup-bench:
	$(call install,$(PACKAGES_BUILD) $(PACKAGES_BENCH))
