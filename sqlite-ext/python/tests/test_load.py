"""`load` and `loadable_path`, in the SQLite libraries that Python has. A process loads the extension into one of them, so each
test has a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import unittest

import sqlite_lifeboat as lifeboat

from .scene import CAN_LOAD

def python(*lines: str) -> subprocess.CompletedProcess[str]:
    """Runs a program in an empty directory."""
    program = "\n".join(["import apsw, sqlite3, sqlite_lifeboat as lifeboat", *lines])
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-c", program]
        return subprocess.run(command, cwd=directory, capture_output=True, text=True)


class Load(unittest.TestCase):
    def assert_prints(self, expected: str, *lines: str) -> None:
        ended = python(*lines)
        self.assertEqual((ended.stdout.strip(), ended.returncode), (expected, 0), ended.stderr)

    @unittest.skipUnless(CAN_LOAD, "this Python's sqlite3 cannot load extensions")
    def test_sqlite3(self) -> None:
        self.assert_prints(
            "('lifeboatkey1',) not authorized",
            "db = sqlite3.connect(':memory:')",
            "db.enable_load_extension(False)",  # Debian's SQLite begins with True
            "lifeboat.load(db)",
            "print(db.execute('SELECT substr(backup_keygen(), 1, 12)').fetchone(), end=' ')",
            "try: db.load_extension(lifeboat.loadable_path())",
            "except sqlite3.OperationalError as error: print(error)",
        )

    @unittest.skipUnless(CAN_LOAD, "this Python's sqlite3 cannot load extensions")
    def test_sqlite3_with_loading_enabled(self) -> None:
        self.assert_prints(
            "(1,)",
            "db = sqlite3.connect(':memory:')",
            "db.enable_load_extension(True)",
            "lifeboat.load(db)",
            "db.load_extension(lifeboat.loadable_path())",
            "print(db.execute('SELECT backup_version() IS NOT NULL').fetchone())",
        )

    @unittest.skipIf(CAN_LOAD, "this Python's sqlite3 can load extensions")
    def test_sqlite3_that_cannot(self) -> None:
        ended = python("lifeboat.load(sqlite3.connect(':memory:'))")
        self.assertIn("sqlite_lifeboat.UnsupportedError: unsupported: the sqlite3 module of this Python", ended.stderr)

    def test_a_connection_that_cannot_is_told_what_to_do(self) -> None:
        # As the class is where Python was built without them.
        plain = type("Connection", (), {"__module__": "sqlite3"})()
        with self.assertRaises(lifeboat.UnsupportedError) as raised:
            lifeboat.load(plain)
        for remedy in ("another Python", "pip install apsw", "lifeboat.recover"):
            self.assertIn(remedy, str(raised.exception))

    def test_what_is_not_a_connection(self) -> None:
        for other, given in [(None, "None"), ("app.db", "of the type str"), (object(), "of the type object")]:
            with self.assertRaisesRegex(lifeboat.MisuseError, f"the connection is {given}; give an open one of sqlite3 or apsw"):
                lifeboat.load(other)  # type: ignore[arg-type]

    def test_errors_of_the_functions_have_their_kinds(self) -> None:
        self.assert_prints(
            "WrongKeyError wrong key backup_verify: this recovery key did not make this bundle; nothing was opened\nNone",
            "db = apsw.Connection(':memory:')",
            "lifeboat.load(db)",
            "try: db.execute('SELECT backup_verify(backup_export(backup_keygen()), backup_keygen())').get",
            "except apsw.Error as error: typed = lifeboat.as_error(error)",
            "print(type(typed).__name__, typed.kind, typed.message)",
            "try: db.execute('SELECT no such column')",
            "except apsw.Error as error: print(lifeboat.as_error(error))",
        )

    def test_apsw(self) -> None:
        self.assert_prints(
            "lifeboatkey1 not authorized",
            "db = apsw.Connection(':memory:')",
            "lifeboat.load(db)",
            "print(db.execute('SELECT substr(backup_keygen(), 1, 12)').get, end=' ')",
            "try: db.load_extension(lifeboat.loadable_path())",
            "except apsw.ExtensionLoadingError as error: print(str(error).rpartition(': ')[2])",
        )

    def test_export_and_restore(self) -> None:
        self.assert_prints(
            "authentic 0.30000000000000004",
            "db = apsw.Connection('app.db')",
            "lifeboat.load(db)",
            "key = db.execute('SELECT backup_keygen()').get",
            "db.execute('CREATE TABLE t(x)'); db.execute('INSERT INTO t VALUES (0.1 + 0.2)')",
            "bundle = db.execute('SELECT backup_export(?)', (key,)).get",
            "print(db.execute(\"SELECT backup_verify(?, ?) ->> 'verdict'\", (bundle, key)).get, end=' ')",
            "new = apsw.Connection('new.db')",
            "lifeboat.load(new)",
            "new.execute('SELECT backup_restore(?, ?)', (bundle, key)).get",
            "print(new.execute('SELECT x FROM t').get)",
        )

    @unittest.skipUnless(CAN_LOAD, "this Python's sqlite3 cannot load extensions")
    def test_two_libraries_in_one_process(self) -> None:
        ended = python(
            "one, other = apsw.Connection(':memory:'), sqlite3.connect(':memory:')", "lifeboat.load(one)", "lifeboat.load(other)"
        )
        self.assertIn("another SQLite library in this process", ended.stderr)
        self.assertEqual(ended.returncode, 1)

    def test_the_runtime_is_not_needed(self) -> None:
        self.assert_prints(
            "False",
            "import sys; sys.modules['wasmtime'] = None",
            "lifeboat.load(apsw.Connection(':memory:'))",
            "print('sqlite_lifeboat._recovery' in sys.modules)",
        )

    def test_the_paths(self) -> None:
        self.assertTrue(os.path.isfile(lifeboat.loadable_path() + ".so"))
        with open(lifeboat.component_path(), "rb") as file:
            self.assertEqual(file.read(4), b"\0asm")


if __name__ == "__main__":
    unittest.main()
