#!/usr/bin/env bash
# The main job on a real database, each step shown: export from the sqlite3 shell, verify, export what changed as a delta,
# lose everything, recover with the component, compare. `make demo` builds what this needs.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=${TARGET:-target}/release
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

show() { printf '\n\033[1m%s\033[0m\n' "$*"; }
run() { printf '$ %s\n' "$*"; "$@"; }
shell() { # DATABASE SQL…: each statement is shown, then run in one session of the sqlite3 shell
  local database=$1; shift
  printf '$ sqlite3 %s\n' "$(basename "$database")"
  printf 'sqlite> %s\n' "$@"
  (cd "$work" && printf '%s\n' "$@" | sqlite3 -bail "$database")
}

show "A real database: proj.db, the coordinate systems of the world, from the package pyproj"
source=$("$bin/corpus" proj.db)
cp "$source" "$work/live.db" && chmod u+w "$work/live.db"
cp dist/liblifeboat.so "$work/"
run ls -l "$work/live.db"

show "1. Make a recovery key, export the live state, and verify the bundle, all in the sqlite3 shell"
(umask 077 && cd "$work" && sqlite3 :memory: "SELECT load_extension('./liblifeboat')" "SELECT backup_keygen()" | tail -1 >app.key)
echo "made app.key (keep it in two places, off this machine)"
shell "$work/live.db" \
  "SELECT load_extension('./liblifeboat');" \
  "SELECT backup_export_file('file:app.key', 'app.bundle');" \
  "SELECT backup_verify('app.bundle', 'file:app.key', '{\"level\": \"restore\"}');"
run ls -l "$work/app.bundle"

show "2. Some rows change, and a table comes: the delta carries only that"
shell "$work/live.db" \
  "SELECT load_extension('./liblifeboat');" \
  "UPDATE metadata SET value = value || ' (seen)' WHERE key LIKE 'EPSG%';" \
  "CREATE TABLE notes(id INTEGER PRIMARY KEY, text); INSERT INTO notes(text) VALUES ('checked');" \
  "SELECT backup_export_file('file:app.key', 'app.1.bundle', '{\"base\": \"app.bundle\"}');" \
  "SELECT table_name, change, new FROM backup_diff('app.bundle', '[\"app.bundle\", \"app.1.bundle\"]', 'file:app.key');"

show "3. The machine is lost. The chain and the key are left. Recover with the component, which imports nothing"
mv "$work/live.db" "$work/what-was-lost.db"
run "$bin/lifeboat-rust-host" dist/lifeboat-recovery.wasm "$work/app.bundle" "$work/app.1.bundle" "$work/app.key" "$work/recovered.db"

show "4. Compare: every row with its rowid and type, schema, settings, checks"
run "$bin/equal" "$work/what-was-lost.db" "$work/recovered.db" && echo "equal"

show "5. And the copy exports to the bundle that the chain composes to, byte for byte"
shell "$work/recovered.db" \
  "SELECT load_extension('./liblifeboat');" \
  "SELECT backup_export_file('file:app.key', 'again.bundle') IS NOT NULL;" \
  "SELECT backup_compose_file('[\"app.bundle\", \"app.1.bundle\"]', 'file:app.key', 'composed.bundle') IS NOT NULL;"
run cmp "$work/composed.bundle" "$work/again.bundle" && echo "the same $(stat -c %s "$work/again.bundle") bytes"

show "6. A wrong key and one flipped bit give different errors"
other=$(cd "$work" && sqlite3 :memory: "SELECT load_extension('./liblifeboat')" "SELECT backup_keygen()" | tail -1)
(cd "$work" && sqlite3 :memory: "SELECT load_extension('./liblifeboat')" "SELECT backup_verify('app.bundle', '$other')" 2>&1 | grep .) || true
printf '\x55' | dd of="$work/app.bundle" bs=1 seek=100000 conv=notrunc status=none
(cd "$work" && sqlite3 :memory: "SELECT load_extension('./liblifeboat')" "SELECT backup_verify('app.bundle', 'file:app.key')" 2>&1 | grep .) || true
