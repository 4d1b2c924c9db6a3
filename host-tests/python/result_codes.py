"""The result codes of `sqlite-ext/manual/errors.md`, as a program in Python sees them: `result_codes.py EXTENSION sqlite3`, or
`apsw`."""

import os
import sys
import tempfile

EXTENSION, DRIVER = os.path.abspath(sys.argv[1]), sys.argv[2]
os.chdir(tempfile.mkdtemp())

if DRIVER == "sqlite3":
    import sqlite3

    db = sqlite3.connect(":memory:", isolation_level=None)

    def one(sql, *values):
        return db.execute(sql, values).fetchone()[0]

    def code(error):
        return error.sqlite_errorcode

else:
    import apsw

    db = apsw.Connection(":memory:")

    def one(sql, *values):
        return db.execute(sql, values).get

    def code(error):
        return error.extendedresult


db.enable_load_extension(True)
db.load_extension(EXTENSION)
db.execute("CREATE TABLE t(x)")
key, other = one("SELECT backup_keygen()"), one("SELECT backup_keygen()")
bundle = one("SELECT backup_export(?)", key)
damaged = bytearray(bundle)
damaged[len(bundle) // 2] ^= 1
one("SELECT backup_export_file(?, 'app.bundle')", key)
delta = one("SELECT backup_export(?, '{\"base\": \"app.bundle\"}')", key)

for kind, number, given, secret in (
    ("misuse", 16385, bundle, "secret"),
    ("wrong key", 16641, bundle, other),
    ("corrupt", 16897, bytes(damaged), key),
    ("truncated", 17153, bundle[:-1], key),
    ("mismatch", 17665, delta, key),
    ("host", 17921, "none.bundle", key),
):
    for function, sql in (
        ("backup_restore", "SELECT backup_restore(?, ?, '{\"replace\": true}')"),
        ("backup_tables", "SELECT count(*) FROM backup_tables(?, ?)"),
    ):
        try:
            one(sql, given, secret)
        except Exception as error:
            text = str(error).removeprefix("SQLError: ")
            assert text.startswith(f"{function}: {kind}: "), text
            assert code(error) == number and code(error) & 0xFF == 1, (kind, code(error))
        else:
            raise AssertionError(kind)
print("ok")
