#!/usr/bin/env bash
# The main job on a real database, each step shown: save it to two copies in the sqlite3 shell, save what changed, lose the
# machine, recover with the component, compare. `make demo` builds what this needs.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$(cd "${TARGET:-target}/release" && pwd) dist=$PWD/dist
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source=$("$bin/corpus" proj.db)
cd "$work"

step() { printf '\033[1m%s\033[0m\n' "$*"; }
shown() { printf '$ %s\n' "$1"; eval "$1"; } # COMMAND: it is shown, then run
lifeboat() { sqlite3 -bail -cmd '.load ./liblifeboat' "$@"; }
sql() { printf 'sqlite> %s\n' "$1"; lifeboat live.db "$1"; } # STATEMENT: as typed in the sqlite3 shell

cp "$source" live.db && chmod u+w live.db
cp "$dist/liblifeboat.so" "$dist/lifeboat-recovery.wasm" "$bin/lifeboat-rust-host" "$bin/equal" .
PATH=$work:$PATH
mkdir disk stick
(umask 077 && lifeboat :memory: 'SELECT backup_keygen()' > app.key)

step "1. A real database, $(stat -c %s live.db) bytes: the world's coordinate systems, of the package pyproj. Save it to two copies"
sql "SELECT backup_save('file:app.key', '[\"dir:disk/copy\", \"dir:stick/copy\"]') ->> 'done' || ' copies';"
step "2. Some rows change. The next save carries only that"
sql "UPDATE metadata SET value = value || ' (seen)' WHERE key LIKE 'EPSG%'; CREATE TABLE notes(text); INSERT INTO notes VALUES ('checked');"
sql "SELECT backup_save('file:app.key', '[\"dir:disk/copy\", \"dir:stick/copy\"]') ->> 'done' || ' copies';"
sql "SELECT 'save ' || number || ': ' || type || ', ' || bytes || ' bytes' FROM backup_log('dir:stick/copy', 'file:app.key');"
step "3. The machine is lost, and a copy with it. The other copy and the key are left"
cp live.db what-was-lost.db
shown 'rm -r live.db live.db-lifeboat disk'
step "4. Recover with the WebAssembly component: it imports nothing, and any host can run it"
shown 'lifeboat-rust-host lifeboat-recovery.wasm stick/copy app.key recovered.db | grep -e "^save" -e "^recovered"'
step "5. Compare each row with its rowid and types, the schema, the settings"
shown 'equal what-was-lost.db recovered.db && echo equal'
step "6. What is wrong is told: another key, and one flipped bit of the copy"
lifeboat :memory: 'SELECT backup_keygen()' > other.key
bundle=$(find stick/copy -path '*/bundles/*' -type f -size +1000k)
shown 'lifeboat-rust-host lifeboat-recovery.wasm stick/copy other.key other.db' 2>&1 | head -2 || true
printf '\x55' | dd of="$bundle" bs=1 seek=100000 conv=notrunc status=none
shown 'lifeboat-rust-host lifeboat-recovery.wasm stick/copy app.key other.db' 2>&1 | grep -v '^$' | head -3 || true
