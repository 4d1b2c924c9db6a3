#!/usr/bin/env bash
# try.sh [PLATFORM...]: what dist/release holds is run here as far as that goes, and each platform must give the same. The first
# line for a platform says how it ran, or why it did not. RESULTS=--all also reads all vectors, which takes minutes in an emulator.
set -euo pipefail
cd "$(dirname "$0")/../.."
# Debian has wine64 in a place of its own.
export PATH="$PWD/target/zig/bin:$PATH:/usr/lib/wine"
work=$PWD/target/platforms
rm -rf "$work"
mkdir -p "$work"
zig() { python-zig "$@"; }

# A bundle of fixed rows, byte for byte, by the extension as SQLite loads it. The words are ASCII: Windows gives a C program others in
# an encoding of its own.
key=lifeboatkey1qypqxpq9qcrsszg2pvxq6rs0zqg3yyc5z5tpwxqergd3c8g7rusq693l86
statements=("CREATE TABLE t(a PRIMARY KEY, b) WITHOUT ROWID" "INSERT INTO t VALUES (1, 0.1), (char(233), x'00ff')"
  "SELECT hex(backup_export('$key'))" "SELECT backup_verify(backup_export('$key'), '$key') ->> 'state_id'")
sqlite=$("${CARGO:-cargo}" metadata --locked --format-version 1 |
  python3 -c 'import json,sys; print(*{p["manifest_path"] for p in json.load(sys.stdin)["packages"] if p["name"]=="libsqlite3-sys"})')
sqlite=$(dirname "$sqlite")/sqlite3

failures=0
# For each kind of results the file of the first platform that has them.
declare -A reference
# PLATFORM KIND: the results of the command, or of the extension, are those of the platforms before.
same() {
  local found=$work/$1.$2
  if [ -z "${reference[$2]:-}" ]; then
    reference[$2]=$found
    echo "$1 $2: $(tail -n 1 "$found" | tail -c 65)"
  elif diff -u "${reference[$2]}" "$found" > "$found.diff"; then
    echo "$1 $2: the same"
  else
    echo "$1 $2: OTHER RESULTS:" >&2
    head -n 20 "$found.diff" >&2
    failures=$((failures + 1))
  fi
}

[ $# -gt 0 ] || set -- linux-x64 linux-x64-musl linux-arm64 linux-arm64-musl win32-x64 darwin-x64 darwin-arm64
for platform in "$@"; do
  from=dist/release/$platform
  if [ ! -d "$from" ]; then echo "$platform: not built"; continue; fi
  here="$(uname -s)-$(uname -m)" run=() command=lifeboat library=liblifeboat.so target='' load=()
  case $platform in
    linux-x64) [ "$here" = Linux-x86_64 ] || run=(none); target=x86_64-linux-gnu.2.17 ;;
    linux-x64-musl) [ "$here" = Linux-x86_64 ] || run=(none)
      if [ -e /lib/ld-musl-x86_64.so.1 ]; then target=x86_64-linux-musl; fi ;;
    linux-arm64) run=(qemu-aarch64 -L /usr/aarch64-linux-gnu); target=aarch64-linux-gnu.2.17 ;;
    # The loader of Debian: `dpkg --add-architecture arm64`, then `apt-get install musl:arm64`.
    linux-arm64-musl) run=(qemu-aarch64)
      if [ -e /lib/ld-musl-aarch64.so.1 ]; then target=aarch64-linux-musl; fi ;;
    win32-x64) run=(wine64) command=lifeboat.exe library=lifeboat.dll target=x86_64-windows-gnu ;;
    darwin-x64) [ "$here" = Darwin-x86_64 ] || run=(none) ;;
    darwin-arm64) [ "$here" = Darwin-arm64 ] || run=(none) ;;
  esac
  case "$platform $here" in "linux-arm64"*" Linux-aarch64") run=() ;; esac
  if [ ${#run[@]} -gt 0 ] && ! command -v "${run[0]}" >/dev/null; then
    echo "$platform: untried here"
    continue
  fi
  mkdir -p "$work/$platform"
  cp "$from"/*lifeboat* "$work/$platform/"
  if [ "$platform" = win32-x64 ]; then
    export WINEPREFIX=$work/wine WINEDEBUG=-all WINEDLLOVERRIDES='bcryptprimitives=n;mscoree,mshtml='
    zig cc -target "$target" -shared -O1 -o "$work/$platform/bcryptprimitives.dll" sqlite-ext/release/process_prng.c -ladvapi32
  fi
  if [ -e "$from/$command" ]; then
    echo "$platform: ${run[*]:-natively}"
    if python3 sqlite-ext/release/results.py ${RESULTS:-} "${run[@]}" "$work/$platform/$command" > "$work/$platform.results"; then
      same "$platform" results
    else
      failures=$((failures + 1))
    fi
  fi
  if [ -e "$from/$library" ] && [ -n "$target" ]; then
    # A libc of its own could load nothing.
    case $platform in *-musl) load=(-dynamic) ;; esac
    # What Zig's checks need of musl, Debian's does not have.
    zig cc -target "$target" "${load[@]}" -O0 -fno-sanitize=all -DSQLITE_ENABLE_LOAD_EXTENSION -I "$sqlite" -o "$work/$platform/load.exe" \
      sqlite-ext/release/load.c "$sqlite/sqlite3.c"
    if (cd "$work/$platform" && "${run[@]}" ./load.exe "./${library%.*}" "${statements[@]}") > "$work/$platform.loaded"; then
      tr -d '\r' < "$work/$platform.loaded" > "$work/$platform.load"
      same "$platform" load
    else
      failures=$((failures + 1))
    fi
  fi
done
[ "$failures" = 0 ] || { echo "try.sh: $failures of them are not right" >&2; exit 1; }
