"""`salvage`: what damaged bundles still prove, as the extension gives it, and what is missing."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path
from typing import Any

import sqlite_lifeboat as lifeboat
from sqlite_lifeboat import Batch, Salvaged, SalvagedDatabase

from .scene import Scene, connect, one, script

MANY = """
    CREATE TABLE t(id INTEGER PRIMARY KEY, x);
    CREATE TABLE w(a, b, PRIMARY KEY(a)) WITHOUT ROWID;
    WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 6000) INSERT INTO t SELECT n, hex(randomblob(300)) FROM n;
    INSERT INTO w SELECT 'key' || id, x FROM t;
"""


class Salvage(Scene):
    def damaged(self, places: tuple[float, ...]) -> str:
        """A bundle of which a bit is flipped in these places."""
        database, bundle = self.path("many.db"), self.path("many.bundle")
        db = connect(database)
        script(db, MANY)
        self.export(db, bundle)
        db.close()
        content = bytearray(Path(bundle).read_bytes())
        for place in places:
            content[int(len(content) * place)] ^= 4
        Path(bundle).write_bytes(content)
        return bundle

    def test_what_is_missing_is_what_the_extension_lists(self) -> None:
        bundle = self.damaged((0.3, 0.7))
        db = connect(":memory:")
        told: dict[str, Any] = json.loads(one(db, "SELECT backup_info(?, ?, ?)", bundle, self.key, '{"salvage": true}'))
        db.close()
        salvaged = lifeboat.info(bundle, self.key, salvage=True)
        self.assertIsInstance(salvaged, Salvaged)
        self.assertEqual((list(salvaged.missing), list(salvaged.damaged)), (told["missing"], told["damaged"]))
        self.assertEqual((len(salvaged.missing) >= 2, salvaged.missing_more), (True, 0))
        self.assertEqual((dict(salvaged.tables), salvaged.rows), (told["tables"], told["rows"]))

        batches: list[Batch] = []
        generator = lifeboat.rows(bundle, self.key, salvage=True)
        while True:
            try:
                batches.append(next(generator))
            except StopIteration as stop:
                self.assertEqual(stop.value, salvaged)
                break
        self.assertEqual(sum(len(batch.rows) for batch in batches), salvaged.rows)

        recovered = lifeboat.recover(bundle, self.key, self.path("rescued.db"), salvage=True)
        self.assertIsInstance(recovered, SalvagedDatabase)
        self.assertEqual((recovered.summary, recovered.foreign_key_check), (salvaged, ()))
        self.assertEqual(os.path.getsize(self.path("rescued.db")), recovered.size)
        copy = sqlite3.connect(self.path("rescued.db"))
        self.assertEqual(copy.execute("SELECT count(*) FROM t").fetchone()[0], dict(salvaged.tables)["t"])
        copy.close()

    def test_what_cannot_be(self) -> None:
        bundle = self.damaged((0.5,))
        with self.assertRaises(lifeboat.CorruptError):
            lifeboat.info(bundle, self.key)
        with self.assertRaisesRegex(lifeboat.MisuseError, "exclude one another"):
            lifeboat.recover(bundle, self.key, self.path("new.db"), salvage=True, expect="0" * 64)  # type: ignore[call-overload]
        with self.assertRaisesRegex(lifeboat.MisuseError, "salvage is of the type int"):
            lifeboat.info(bundle, self.key, salvage=1)  # type: ignore[call-overload]
        Path(bundle).write_bytes(Path(bundle).read_bytes()[:1000])
        with self.assertRaises(lifeboat.TruncatedError):
            lifeboat.recover(bundle, self.key, self.path("new.db"), salvage=True)
        self.assertFalse(os.path.exists(self.path("new.db")))
