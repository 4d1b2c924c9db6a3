"""The README does what it says."""

from __future__ import annotations

import doctest
import io
import os
import sqlite3
import unittest
from contextlib import redirect_stdout
from pathlib import Path

from .scene import CAN_LOAD, Scene

README = Path(__file__).resolve().parent.parent / "README.md"


class Readme(Scene):
    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.here)
        # The database of the reader.
        db = sqlite3.connect("wallet.db")
        with db:
            db.execute("CREATE TABLE tokens(token TEXT PRIMARY KEY, worth REAL)")
            db.execute("INSERT INTO tokens VALUES ('spend me', 0.1 + 0.2), ('and me', 1e300)")
        db.close()

    @unittest.skipUnless(CAN_LOAD, "this Python's sqlite3 cannot load extensions")
    def test_its_examples(self) -> None:
        failed, tried = doctest.testfile(str(README), module_relative=False)
        self.assertEqual(failed, 0)
        self.assertGreater(tried, 40)

    def test_it_begins_with_five_lines(self) -> None:
        """They are complete: they run by themselves, in any Python that can load the extension, or has apsw."""
        lines = [
            line[4:] for line in README.read_text(encoding="utf-8").split("```")[3].splitlines() if line.startswith(">>> ")
        ]
        self.assertEqual(len(lines), 5)
        said = io.StringIO()
        with redirect_stdout(said):
            exec("\n".join(lines), {})
        self.assertEqual(said.getvalue(), "saved in 1 copy, restored 2 rows\n")
        found = [
            sqlite3.connect(name).execute("SELECT * FROM tokens ORDER BY token").fetchall()
            for name in ("wallet.db", "again.db")
        ]
        self.assertEqual(found[0], found[1])
