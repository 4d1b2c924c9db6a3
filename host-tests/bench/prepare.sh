#!/bin/bash
# prepare.sh ZKAP-DATABASE DIST SPENDING: makes in this directory what the benchmark starts from, and of each peer a full backup.
set -euo pipefail
zkap=$1 dist=$2 spending=$3

ln -s "$dist" dist
cp "$zkap" rollback.db
cp "$zkap" app.db
chmod u+w rollback.db app.db
sqlite3 app.db 'PRAGMA journal_mode = wal' >/dev/null
# The same after 100 tokens were spent, in one transaction.
{ echo 'BEGIN;'; cat "$spending"; echo 'COMMIT;'; } >spend.sql
cp app.db spent.db
sqlite3 -bail spent.db <spend.sql

# Lifeboat: a bundle, and the ledger of the state that it holds.
lifeboat() { sqlite3 -cmd '.load dist/liblifeboat' "$@"; }
(umask 077; lifeboat :memory: 'SELECT backup_keygen()' >app.key)
lifeboat :memory: "SELECT backup_verify_key('file:app.key')" >verify.key
lifeboat app.db "SELECT backup_export_file('file:app.key', 'app.bundle', '{\"ledger\": \"before.ledger\"}')" >/dev/null

# A save of that state, and of a small database, to a directory.
mkdir saves
lifeboat app.db "SELECT backup_save('file:app.key', 'dir:saves/copy', '{\"local\": \"saves/local\"}')" >/dev/null
sqlite3 small.db 'PRAGMA journal_mode = wal; CREATE TABLE t(id INTEGER PRIMARY KEY, x); WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT 1000) INSERT INTO t SELECT i, hex(randomblob(50)) FROM c' >/dev/null
lifeboat small.db "SELECT backup_export_file('file:app.key', 'small.bundle', '{\"ledger\": \"small.ledger\"}')" >/dev/null
lifeboat small.db "SELECT backup_save('file:app.key', 'dir:saves/small', '{\"local\": \"saves/small-local\"}')" >/dev/null
sqlite3 small.db "UPDATE t SET x = 'changed' WHERE id = 500"
cp -a saves saves-base

# .dump, zstd, age
age-keygen -o age.key 2>/dev/null
age-keygen -y age.key >recipient
sqlite3 app.db .dump | zstd -q -3 | age -R recipient >app.age

# litestream, as quick as it may be: it looks for changes each 20 ms.
cat >litestream.yml <<END
logging: {level: error, stderr: true}
dbs:
  - path: $PWD/ls/app.db
    monitor-interval: 20ms
    replicas:
      - path: $PWD/ls/replica
        sync-interval: 20ms
        age:
          identities: [$(grep AGE-SECRET-KEY age.key)]
          recipients: [$(cat recipient)]
END
# litestream keeps running. It runs these until they end: when the snapshot and the first piece of the WAL are there; and when
# the changes are. An application that writes before litestream has taken its place in the WAL would make it begin a new snapshot.
cat >until-replicated <<'END'
#!/bin/sh
until ls ls/replica/generations/*/snapshots/*.lz4 && ls ls/replica/generations/*/wal/*.lz4; do sleep 0.01; done >/dev/null 2>&1
END
cat >spend <<'END'
#!/bin/sh
sleep 1 && sqlite3 -bail ls/app.db <spend.sql && sleep 1
END
chmod +x until-replicated spend
mkdir ls
cp app.db ls/
litestream replicate -config litestream.yml -exec ./until-replicated
mv ls ls-base

# restic and borg: they keep the file, or a dump.
echo 'a password of the benchmark' >password
mkdir restic borg
restic -r restic/repo init >/dev/null
restic -r restic/repo backup --quiet app.db
mv restic restic-base
borg --error init --encryption repokey-blake2 borg/repo
borg create --compression zstd,3 --chunker-params fixed,16384 borg/repo::full app.db
mv borg borg-base

mkdir restic borg
restic -r restic/repo init >/dev/null
sqlite3 app.db .dump | restic -r restic/repo backup --quiet --stdin --stdin-filename app.sql
mv restic restic-dump
borg --error init --encryption repokey-blake2 borg/repo
sqlite3 app.db .dump | borg create --compression zstd,3 --chunker-params buzhash,12,20,15,4095 borg/repo::full -
mv borg borg-dump
