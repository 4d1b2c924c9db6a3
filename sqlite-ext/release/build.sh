#!/usr/bin/env bash
# build.sh PROFILE KIND PLATFORM...: the extension, the command or all for these platforms, in dist/release/PLATFORM.
# PROFILE is a profile of Cargo.toml; releases have `loadable`. KIND is loadable, command or all.
# build.sh flags: what the compiler of any build is told, so that files hold no path of this machine.
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo=${CARGO:-cargo}
target_directory=$(mkdir -p "${CARGO_TARGET_DIR:-target}" && cd "${CARGO_TARGET_DIR:-target}" && pwd)
[ -z "${CARGO_TARGET_DIR:-}" ] || export CARGO_TARGET_DIR=$target_directory
export PATH="$PWD/target/zig/bin:$PATH"
# The oldest macOS for which Rust has both processors.
export MACOSX_DEPLOYMENT_TARGET=11.0
# Nothing is built twice.
export CARGO_INCREMENTAL=0

# No file tells where it was built, and so it is the same wherever that is.
remap() {
  local root from
  # All sources are there before their folders are listed.
  "$cargo" fetch --locked --quiet
  root=$(cd "${CARGO_HOME:-$HOME/.cargo}" && pwd)
  # The last rule that fits counts.
  printf -- '--remap-path-prefix=%s=/cargo ' "$root"
  for from in "$root"/registry/src/*; do printf -- '--remap-path-prefix=%s=/crates ' "$from"; done
  printf -- '--remap-path-prefix=%s=/rust ' "$(rustc --print sysroot)"
  printf -- '--remap-path-prefix=%s=/lifeboat ' "$PWD"
  printf -- '--remap-path-prefix=%s=/lifeboat/target' "$target_directory"
}

"$cargo" fetch --locked --quiet
if [ "$*" = flags ]; then
  remap
  exit
fi
profile=$1 kind=$2
shift 2

# TARGET PACKAGE FLAGS [LAST...]: compiles one package. The target may end in the oldest glibc. FLAGS are for all crates, LAST are for
# the package alone.
compile() {
  local target=$1 package=$2 flags
  flags="$(remap) $3"
  shift 3
  # Zig tells where its headers are. Below the current directory it tells relative paths, which bindgen reads in the directory
  # of another crate.
  (cd sqlite-ext/release && RUSTFLAGS=$flags CARGO=$cargo cargo-zigbuild rustc --locked --profile "$profile" --target "$target" -p "$package" -- "$@")
}

for platform in "$@"; do
  suffix='' flags='' of_library=() of_command=() library=liblifeboat.so made=liblifeboat.so command=lifeboat
  case $platform in
    linux-x64) target=x86_64-unknown-linux-gnu suffix=.2.17 ;;
    linux-arm64) target=aarch64-unknown-linux-gnu suffix=.2.17 ;;
    # A library cannot have a libc of its own; the command has one, and runs on any Linux.
    linux-x64-musl) target=x86_64-unknown-linux-musl flags=-Ctarget-feature=-crt-static ;;
    linux-arm64-musl) target=aarch64-unknown-linux-musl flags=-Ctarget-feature=-crt-static ;;
    # SQLite makes the name of the entry point of the name of the file, with `lib` before it or without.
    win32-x64) target=x86_64-pc-windows-gnu library=lifeboat.dll made=lifeboat.dll command=lifeboat.exe ;;
    darwin-x64) target=x86_64-apple-darwin library=liblifeboat.dylib made=liblifeboat.dylib ;;
    darwin-arm64) target=aarch64-apple-darwin library=liblifeboat.dylib made=liblifeboat.dylib ;;
    *) echo "build.sh: there is no platform '$platform'" >&2; exit 2 ;;
  esac
  case $platform in darwin-*)
    python3 sqlite-ext/release/frameworks.py target/zig/macos
    # The linker runs in the workspace. A path that differs from folder to folder would make other files.
    of_command=(-Clink-arg=-Ftarget/zig/macos)
    of_library=("${of_command[@]}" -Clink-arg=-Wl,-install_name,@rpath/liblifeboat.dylib) ;;
  esac
  rustup target add "$target" 2>/dev/null
  out=dist/release/$platform
  from=$target_directory/$target/$profile
  mkdir -p "$out"
  if [ "$kind" != command ]; then
    compile "$target$suffix" lifeboat-loadable "$flags" "${of_library[@]}"
    install -m 644 "$from/$made" "$out/$library"
    [ "$platform" != win32-x64 ] || python3 sqlite-ext/release/no_clock.py "$out/$library"
  fi
  if [ "$kind" != loadable ]; then
    compile "$target$suffix" lifeboat-command "" "${of_command[@]}"
    install -m 755 "$from/$command" "$out/$command"
    [ "$platform" != win32-x64 ] || python3 sqlite-ext/release/no_clock.py "$out/$command"
  fi
done
