"""Encrypted databases: `ciphers.py EXTENSION multiple` with SQLite3 Multiple Ciphers (through apsw), `ciphers.py EXTENSION sqlcipher` with
SQLCipher. Exports from them and restores into them; each stays encrypted under its own key. `sqlite-ext/manual/ciphers.md` is about that."""

import glob
import json
import os
import sys
import tempfile

MARK = "what nobody else may read"
EXTENSION = os.path.abspath(sys.argv[1])


class Multiple:
    """SQLite3 Multiple Ciphers: a connection to a database under one of its ciphers."""

    names = ["aes128cbc", "aes256cbc", "chacha20", "sqlcipher", "rc4", "ascon128", "aegis"]

    def __init__(self, cipher, page_size=4096, wal=False):
        self.cipher, self.page_size, self.wal = cipher, page_size, wal

    def open(self, path, key):
        import apsw

        db = apsw.Connection(path)
        if key:
            db.pragma("cipher", self.cipher)
            db.pragma("key", key)
        db.enable_load_extension(True)
        db.load_extension(EXTENSION)
        self.one = lambda db, sql, *values: db.execute(sql, values).get
        if self.page_size != 4096:
            db.execute(f"PRAGMA page_size = {self.page_size}")
        if self.wal:
            db.execute("PRAGMA journal_mode = wal")
        return db


class SqlCipher:
    """SQLCipher, with settings of its own."""

    def __init__(self, *settings):
        self.settings = settings

    def open(self, path, key):
        from sqlcipher3 import dbapi2 as sqlcipher

        db = sqlcipher.connect(path, isolation_level=None)
        if key:
            db.execute(f"PRAGMA key = '{key}'")
            for setting in self.settings:
                db.execute(f"PRAGMA {setting}")
        db.enable_load_extension(True)
        db.load_extension(EXTENSION)
        self.one = lambda db, sql, *values: db.execute(sql, values).fetchone()[0]
        return db


# One library in one process.
WAYS = {
    "multiple": [Multiple(name) for name in Multiple.names]
    + [Multiple("chacha20", page_size=8192), Multiple("sqlcipher", wal=True)],
    "sqlcipher": [
        SqlCipher(),
        SqlCipher("cipher_compatibility = 3"),
        SqlCipher("cipher_page_size = 8192"),
        SqlCipher("journal_mode = wal"),
    ],
}


def refused(work, *words):
    try:
        work()
    except Exception as error:
        assert all(word in str(error) for word in words), error
        return
    raise AssertionError(f"should be refused: {words}")


def is_plain(path):
    with open(path, "rb") as file:
        content = file.read()
    is_database = content.startswith(b"SQLite format 3\0")
    assert is_database == (MARK.encode() in content), path
    return is_database


def check(way):
    app = way.open("app.db", "the first key")
    one = way.one
    key = one(app, "SELECT backup_keygen()")
    app.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, x)")
    app.execute("CREATE INDEX i ON t(x)")
    app.execute(
        "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT 3000) INSERT INTO t SELECT i, ? || i FROM c", (MARK,)
    )
    summary = json.loads(one(app, "SELECT backup_export_file(?, 'app.bundle')", key))
    state = summary["state_id"]
    with open("app.bundle", "rb") as bundle:
        assert MARK.encode() not in bundle.read()
    report = json.loads(one(app, "SELECT backup_verify('app.bundle', ?, '{\"level\": \"restore\"}')", key))
    assert report["integrity_check"] == "ok" and report["state_id"] == state

    # Into an empty database with another key, and over one that has content.
    other = way.open("other.db", "the second key")
    for options in ("{}", '{"replace": true}'):
        restored = json.loads(one(other, "SELECT backup_restore('app.bundle', ?, ?)", key, options))
        assert restored["state_id"] == state and "plain" not in restored
    app.execute("DELETE FROM t WHERE id > 5")
    one(app, "SELECT backup_restore('app.bundle', ?, '{\"replace\": true}')", key)
    app.close()
    other.close()
    for path, secret in (("app.db", "the first key"), ("other.db", "the second key")):
        assert not is_plain(path), path
        db = way.open(path, secret)
        assert one(db, "PRAGMA integrity_check") == "ok"
        assert one(db, "SELECT count(*) FROM t") == 3000
        with open("app.bundle", "rb") as bundle:
            assert one(db, "SELECT backup_export(?)", key) == bundle.read()
        db.close()
        refused(lambda: one(way.open(path, "no key"), "SELECT count(*) FROM t"))

    # A file is plain, and says so where that is not what the application does itself.
    app = way.open("app.db", "the first key")
    assert json.loads(one(app, "SELECT backup_restore_file('app.bundle', ?, 'copy.db')", key))["plain"] is True
    assert is_plain("copy.db")
    # Attached ones, each with its own.
    app.execute("ATTACH 'attached.db' AS attached KEY 'the third key'")
    assert json.loads(one(app, "SELECT backup_restore('app.bundle', ?, '{\"schema\": \"attached\"}')", key))["state_id"] == state
    app.execute("DETACH attached")
    assert not is_plain("attached.db")
    app.execute("ATTACH 'copy.db' AS copy KEY ''")
    assert one(app, "SELECT length(backup_export(?, '{\"schema\": \"copy\"}'))", key) == summary["bytes"]
    app.close()
    plain = way.open("plain.db", None)
    assert "plain" not in json.loads(one(plain, "SELECT backup_restore_file('app.bundle', ?, 'again.db')", key))
    one(plain, "SELECT backup_restore('app.bundle', ?)", key)
    plain.close()
    assert is_plain("plain.db")
    # An encrypted database that is closed looks like any other file, but it is no bundle.
    fresh = way.open(":memory:", None)
    fresh.execute("CREATE TABLE t(x)")
    refused(lambda: one(fresh, "SELECT backup_export_file(?, 'app.db')", key), "already exists and is not a bundle")
    assert not glob.glob(".*"), "nothing is left behind"


for way in WAYS[sys.argv[2]]:
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        check(way)
        os.chdir("/")
    print("ok", type(way).__name__, vars(way).get("cipher", ""), *vars(way).get("settings", ()))
