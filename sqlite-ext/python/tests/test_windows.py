"""As much of Windows as can be had without it: a Python that lacks what Windows lacks, and a package that takes itself for one there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import sqlite_lifeboat as lifeboat

from .scene import Scene

#: Makes this Python one that has no locks of Unix, opens no directory, and has no names for pipes.
WINDOWS = """
import apsw, ctypes, os, shutil, socket, sqlite3, subprocess, sys, tempfile, wasmtime, wasmtime.component

sys.modules["fcntl"] = None
for name in ("O_DIRECTORY", "O_NOFOLLOW", "O_NONBLOCK", "O_NOCTTY", "register_at_fork", "fork", "geteuid", "chown"):
    delattr(os, name)
really_open = os.open
def open_no_directory(path, *arguments, **options):
    if os.path.isdir(path) or str(path).startswith("/dev/fd"):
        raise PermissionError(13, "Permission denied", path)
    return really_open(path, *arguments, **options)
os.open = open_no_directory
shutil._use_fd_functions = False
sys.platform = "win32"
sys.path.insert(0, "package")
import sqlite_lifeboat as lifeboat
from pathlib import Path
assert lifeboat.__file__ == os.path.abspath("package/sqlite_lifeboat/__init__.py"), lifeboat.__file__
"""


class LikeWindows(Scene):
    def runs(self, program: str) -> str:
        """Runs it with a copy of the package, in which the library has the name that it has on Windows."""
        installed = Path(lifeboat.__file__).parent
        package = self.here / "package" / "sqlite_lifeboat"
        shutil.copytree(installed, package, ignore=shutil.ignore_patterns("liblifeboat.so", "__pycache__"))
        # SQLite adds the ending of this system.
        os.symlink(installed / "liblifeboat.so", package / "lifeboat.so")
        (self.here / "recovery.key").write_text(self.key + "\n")
        ended = subprocess.run([sys.executable, "-c", WINDOWS + program], cwd=self.here, capture_output=True, text=True)
        self.assertEqual((ended.returncode, ended.stderr), (0, ""), ended.stderr)
        return ended.stdout

    def test_save_and_restore(self) -> None:
        self.runs(
            """
key = lifeboat.keygen(out="new.key")
db = apsw.Connection("wallet.db")
lifeboat.load(db)
list(db.execute("CREATE TABLE t(a)")), list(db.execute("INSERT INTO t VALUES (1)")), list(db.execute("PRAGMA journal_mode = WAL"))
assert lifeboat.save(db, key, "dir:copy").done == lifeboat.save("wallet.db", key, Path("copy")).done == 1
assert lifeboat.protect("wallet.db", key, "dir:copy").protection.holders == 1
assert lifeboat.unprotect("wallet.db").ended == 1
assert lifeboat.restore("again.db", "dir:copy", key).rows == 1
assert [entry.number for entry in lifeboat.log("dir:copy", key)] == [1]
"""
        )

    def test_recover(self) -> None:
        told = self.runs(
            f"""
chain, key, steps = {self.chain!r}, Path("recovery.key"), []
recovered = lifeboat.recover(chain, key, "new.db", progress=lambda *step: steps.append(step))
print(recovered.summary.report.state_id, recovered.summary.rows, steps[-1][0])
lifeboat.recover(chain[0], key, "new.db", replace=True)
assert lifeboat.verify(chain).report.state_id == recovered.summary.report.state_id
assert sum(len(batch.rows) for batch in lifeboat.rows(chain, key)) == recovered.summary.rows
next(lifeboat.rows(chain, key)).rows
class Enough(Exception): pass
def enough(*_): raise Enough
for error, call in [
    (lifeboat.MisuseError, lambda: lifeboat.recover(chain, key, "new.db")),
    (lifeboat.MisuseError, lambda: lifeboat.recover(chain, key, "recovery.key", replace=True)),
    (lifeboat.WrongKeyError, lambda: lifeboat.info(chain, lifeboat.keygen())),
    (lifeboat.DeadlineError, lambda: lifeboat.recover(chain, key, "late.db", timeout=0.001)),
    (Enough, lambda: lifeboat.recover(chain, key, "enough.db", progress=enough)),
]:
    try: call()
    except error: pass
    else: raise AssertionError(error)
assert sorted(os.listdir()) == ["new.db", "package", "recovery.key"], os.listdir()
"""
        )
        summary = lifeboat.info(self.chain, self.key)
        self.assertEqual(told, f"{summary.report.state_id} {summary.rows} writing\n")
