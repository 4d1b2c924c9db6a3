"""What the tests share: a directory with a database, its bundles and its key."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
import unittest
from pathlib import Path
from typing import Any, ClassVar, Protocol, Union, cast

import sqlite_lifeboat as lifeboat

#: One of everything that a value can be, in tables of each kind.
SCHEMA = """
    CREATE TABLE "all values"(id INTEGER PRIMARY KEY, v, twice AS (id * 2) STORED);
    INSERT INTO "all values"(v) VALUES (NULL), (9223372036854775807), (-9223372036854775808), (0.1 + 0.2), (1e300), (-0.0), (9e999),
        (-9e999), (2.0), (''), ('a' || char(0) || 'b'), (char(128512)), (CAST(x'ff41' AS TEXT)), (x''), (x'00ff'),
        (CAST(zeroblob(3000000) AS TEXT)), (zeroblob(2500000) || x'01'), ('{"blob":"00"}'), ('["' || char(10) || '"]');
    CREATE TABLE keyed(a, b, PRIMARY KEY(b, a)) WITHOUT ROWID;
    INSERT INTO keyed VALUES (1, 'x'), (2, 'x'), ('1', x'31');
    CREATE TABLE hidden(word TEXT);
    INSERT INTO hidden(rowid, word) VALUES (-5, 'minus'), (9223372036854775807, 'last');
    CREATE INDEX words ON hidden(upper(word)) WHERE word <> '';
    CREATE VIEW loud AS SELECT upper(word) FROM hidden;
    CREATE TRIGGER never AFTER INSERT ON hidden BEGIN SELECT raise(ABORT, 'no'); END;
    PRAGMA user_version = 7;
"""


CAN_LOAD = hasattr(sqlite3.Connection, "enable_load_extension")


class Database(Protocol):
    """What a connection of `sqlite3` and one of `apsw` have in common."""

    def enable_load_extension(self, enable: bool, /) -> None: ...

    def load_extension(self, name: str, /) -> None: ...

    def cursor(self) -> Any: ...

    def execute(self, sql: str, /, *arguments: Any) -> Any: ...

    def interrupt(self) -> None: ...

    def close(self) -> None: ...


def connect(path: Union[str, Path]) -> Database:
    """A connection that has the extension: of `sqlite3`, or where that cannot load it, of `apsw`."""
    if CAN_LOAD:
        plain = sqlite3.connect(path, isolation_level=None)
        lifeboat.load(plain)
        return plain
    import apsw

    db = apsw.Connection(os.fspath(path))
    lifeboat.load(db)
    return cast(Database, db)


def script(db: Database, sql: str) -> None:
    """Runs statements, with `;` at the ends of their lines."""
    for statement in sql.split(";\n"):
        if statement.strip():
            list(db.execute(statement))


def one(db: Database, sql: str, *arguments: object) -> Any:
    """The one value that a query gives."""
    ((value,),) = list(db.execute(sql, arguments))
    return value


class Scene(unittest.TestCase):
    """A directory with `app.db`, the chain `0.bundle`, `1.bundle`, `2.bundle` to its state, and `app.key`; made once for each
    class. Each test has a directory `here` of its own, where nothing may be left that it does not expect."""

    shared: ClassVar[Path]
    key: ClassVar[str]
    chain: ClassVar[list[str]]

    @classmethod
    def setUpClass(cls) -> None:
        directory = tempfile.mkdtemp(prefix="lifeboat-test-")
        cls.addClassCleanup(shutil.rmtree, directory)
        cls.shared = Path(directory)
        cls.chain = [str(cls.shared / f"{number}.bundle") for number in range(3)]
        db = connect(cls.shared / "app.db")
        cls.key = one(db, "SELECT backup_keygen()")
        (cls.shared / "app.key").write_text(cls.key + "\n")
        script(db, SCHEMA)
        cls.export(db, cls.chain[0])
        list(db.execute("DELETE FROM keyed WHERE b = 'x' AND a = 2"))
        cls.export(db, cls.chain[1], base=cls.chain[:1])
        list(db.execute("CREATE TABLE later(x)"))
        list(db.execute("INSERT INTO later VALUES ('later')"))
        cls.export(db, cls.chain[2], base=cls.chain[:2])
        db.close()

    @classmethod
    def export(cls, db: Database, path: Union[str, Path], **options: Any) -> Any:
        """Exports with the scene's key, and gives the summary."""
        sql = "SELECT backup_export_file(?, ?, ?)"
        return json.loads(one(db, sql, cls.key, os.fspath(path), json.dumps(options)))

    def setUp(self) -> None:
        directory = tempfile.mkdtemp(prefix="lifeboat-test-")
        self.addCleanup(shutil.rmtree, directory)
        self.here = Path(directory)

    def path(self, name: str) -> str:
        """A path in the test's directory."""
        return str(self.here / name)

    def assert_holds(self, *names: str) -> None:
        """The test's directory has these files and nothing else."""
        self.assertEqual(sorted(os.listdir(self.here)), sorted(names))

    def assert_equal(self, a: Union[str, Path], b: Union[str, Path]) -> None:
        """Two files are the same database, as the comparer of `host-tests` says."""
        compared = subprocess.run([os.environ["LIFEBOAT_EQUAL"], a, b], capture_output=True, text=True)
        self.assertEqual(compared.returncode, 0, compared.stdout + compared.stderr)

    def changed(self, source: str, at: int) -> str:
        """A copy of a bundle with one bit flipped."""
        content = bytearray(Path(source).read_bytes())
        content[at] ^= 1
        return self.write("flipped.bundle", bytes(content))

    def write(self, name: str, content: bytes) -> str:
        """A new file in the test's directory."""
        (self.here / name).write_bytes(content)
        return self.path(name)
