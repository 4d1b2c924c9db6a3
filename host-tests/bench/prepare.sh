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
cp small.db small-before.db
lifeboat small.db "SELECT backup_export_file('file:app.key', 'small.bundle', '{\"ledger\": \"small.ledger\"}')" >/dev/null
lifeboat small.db "SELECT backup_save('file:app.key', 'dir:saves/small', '{\"local\": \"saves/small-local\"}')" >/dev/null
cp -a saves saves-base

# .dump, zstd, age
age-keygen -o age.key 2>/dev/null
age-keygen -y age.key >recipient
sqlite3 app.db .dump | zstd -q -3 | age -R recipient >app.age
sqlite3 small.db .dump | zstd -q -3 | age -R recipient >small.age

# sqlite3_rsync: a copy that it brings up to date.
sqlite3_rsync app.db replica-base.db

# litestream, as quick as it may be: it looks for changes each 20 ms.
litestream_config() { # DIRECTORY DATABASE
  cat <<END
logging: {level: error, stderr: true}
dbs:
  - path: $PWD/$1/$2
    monitor-interval: 20ms
    replica: {type: file, path: $PWD/$1/replica, sync-interval: 20ms}
END
}
litestream_config ls app.db >litestream.yml
litestream_config ls-small small.db >litestream-small.yml
mkdir ls ls-small
cp app.db ls/
cp small.db ls-small/
litestream replicate -once -config litestream.yml
litestream replicate -once -config litestream-small.yml
mv ls ls-base
mv ls-small ls-small-base

# The litestream that encrypts.
cat >litestream-age.yml <<END
logging: {level: error, stderr: true}
dbs:
  - path: $PWD/ls-age/app.db
    monitor-interval: 20ms
    replicas:
      - path: $PWD/ls-age/replica
        sync-interval: 20ms
        age:
          identities: [$(grep AGE-SECRET-KEY age.key)]
          recipients: [$(cat recipient)]
END
# litestream keeps running. It runs these until they end: when the snapshot and the first piece of the WAL are there; and when
# the changes are. An application that writes before litestream has taken its place in the WAL would make it begin a new snapshot.
cat >until-replicated <<'END'
#!/bin/sh
until ls "$1"/replica/generations/*/snapshots/*.lz4 && ls "$1"/replica/generations/*/wal/*.lz4; do sleep 0.01; done >/dev/null 2>&1
END
cat >spend <<'END'
#!/bin/sh
sleep 1 && sqlite3 -bail "$1"/app.db <spend.sql && sleep 1
END
chmod +x until-replicated spend
mkdir ls-age
cp app.db ls-age/
litestream-0.3 replicate -config litestream-age.yml -exec './until-replicated ls-age'
mv ls-age ls-age-base

# rustic and borg: they keep the file, or a dump. With pieces of four pages, or small pieces of text, they add least after a
# change: with the pieces that rustic has by itself, 38 MB of the file in place of 1.8, and 43 MB of a dump in place of 3.8.
echo 'a password of the benchmark' >password
cat >rustic-init <<'END'
#!/bin/sh
case $1 in
  file) pieces='--set-chunker fixed_size --set-chunk-size 16kiB' ;;
  dump) pieces='--set-chunk-size 32kiB --set-chunk-min-size 4kiB --set-chunk-max-size 1MiB' ;;
esac
rm -rf rustic
mkdir rustic
rustic -r rustic/repo init $pieces >/dev/null
END
chmod +x rustic-init
borg_init() { mkdir borg; borg --error init --encryption repokey-blake2 borg/repo; }
./rustic-init file
rustic -r rustic/repo backup app.db
mv rustic rustic-base
borg_init
borg create --compression zstd,3 --chunker-params fixed,16384 borg/repo::full app.db
mv borg borg-base

./rustic-init file
rustic -r rustic/repo backup small.db
mv rustic rustic-small
borg_init
borg create --compression zstd,3 --chunker-params fixed,16384 borg/repo::full small.db
mv borg borg-small

./rustic-init dump
sqlite3 app.db .dump | rustic -r rustic/repo backup --stdin-filename app.sql -
mv rustic rustic-dump
borg_init
sqlite3 app.db .dump | borg create --compression zstd,3 --chunker-params buzhash,12,20,15,4095 borg/repo::full -
mv borg borg-dump

# All deltas of the small database hold this change.
sqlite3 small.db "UPDATE t SET x = 'changed' WHERE id = 500"
