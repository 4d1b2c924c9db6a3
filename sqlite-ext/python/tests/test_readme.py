"""The README does what it says."""

from __future__ import annotations

import doctest
import os
import sqlite3
import unittest
from pathlib import Path

from .scene import Scene


class Readme(Scene):
    @unittest.skipUnless(hasattr(sqlite3.Connection, "enable_load_extension"), "this Python's sqlite3 cannot load extensions")
    def test_its_examples(self) -> None:
        readme = Path(__file__).resolve().parent.parent / "README.md"
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.here)
        failed, tried = doctest.testfile(str(readme), module_relative=False)
        self.assertEqual(failed, 0)
        self.assertGreater(tried, 10)
