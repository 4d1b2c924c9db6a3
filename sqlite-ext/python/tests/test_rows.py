"""`rows`: the same values, exactly; and the proof at the end."""

from __future__ import annotations

import json
import os
import random
import struct
import threading
from pathlib import Path
from typing import Union

import sqlite_lifeboat as lifeboat
from sqlite_lifeboat import Batch, IllFormedText, Row, Summary, Value

from .scene import Scene, connect


def collect(bundles: Union[str, list[str]], key: str) -> tuple[list[Batch], Summary]:
    """The batches, and what the generator returns."""
    batches, generator = [], lifeboat.rows(bundles, key)
    while True:
        try:
            batches.append(next(generator))
        except StopIteration as stop:
            return batches, stop.value


def exactly(value: Value) -> tuple[str, Union[None, int, bytes]]:
    """The storage class of a value, and its bits."""
    if value is None:
        return "null", None
    if isinstance(value, int):
        return "integer", value
    if isinstance(value, float):
        return "real", struct.pack("<d", value)
    if isinstance(value, bytes):
        return "blob", value
    return "text", value.content if isinstance(value, IllFormedText) else value.encode()


class Rows(Scene):
    def test_each_value(self) -> None:
        batches, summary = collect(self.chain, self.key)
        self.assertEqual(summary, lifeboat.info(self.chain, self.key))
        found = {(batch.table, row.rowid): row.values for batch in batches for row in batch.rows}
        self.assertEqual(len(found) + 1, summary.rows)  # two rows have no rowid
        db = connect(self.shared / "app.db")
        sql = "SELECT id, typeof(v), CASE typeof(v) WHEN 'integer' THEN v WHEN 'real' THEN v ELSE CAST(v AS BLOB) END FROM \"all values\""
        stored = list(db.execute(sql))
        db.close()
        self.assertEqual(len(stored), 19)
        for rowid, kind, value in stored:
            id, v = found["all values", rowid]
            self.assertEqual(id, rowid if v is None else id)
            self.assertEqual(exactly(v), (kind, exactly(value)[1]), rowid)
        self.assertEqual(found["all values", 13][1], IllFormedText("UTF-8", b"\xff\x41"))
        self.assertEqual(found["all values", 16][1], "\0" * 3_000_000)
        self.assertEqual(found["hidden", -5], ("minus",))
        self.assertEqual([row.rowid for row in self.table(batches, "hidden")], [-5, 2**63 - 1])

    def test_tables(self) -> None:
        batches, _ = collect(self.chain[0], self.key)
        self.assertEqual(self.table(batches, "keyed"), [Row(None, (1, "x")), Row(None, (2, "x")), Row(None, ("1", b"1"))])
        columns = {batch.table: batch.columns for batch in batches}
        self.assertEqual(columns, {"all values": ("id", "v"), "hidden": ("word",), "keyed": ("a", "b")})
        names = [batch.table for batch in batches]
        self.assertEqual(names, sorted(names))

    def table(self, batches: list[Batch], name: str) -> list[Row]:
        return [row for batch in batches if batch.table == name for row in batch.rows]

    def test_batches_are_small(self) -> None:
        db = connect(self.path("app.db"))
        list(db.execute("CREATE TABLE t(x)"))
        noise = random.Random(1)
        texts = [noise.randbytes(100).hex() for _ in range(20_000)]
        list(db.execute("INSERT INTO t SELECT value FROM json_each(?)", (json.dumps(texts),)))
        self.export(db, self.path("app.bundle"))
        db.close()
        batches, summary = collect(self.path("app.bundle"), self.key)
        self.assertEqual((summary.rows, sum(len(batch.rows) for batch in batches)), (20_000, 20_000))
        self.assertEqual([row.values[0] for batch in batches for row in batch.rows], texts)
        self.assertGreater(len(batches), 10)

    def test_an_empty_database(self) -> None:
        db = connect(":memory:")
        self.export(db, self.path("empty.bundle"))
        db.close()
        batches, summary = collect(self.path("empty.bundle"), self.key)
        self.assertEqual((batches, summary.rows), ([], 0))

    def test_damage_ends_it(self) -> None:
        content = Path(self.chain[0]).read_bytes()
        cut = self.write("cut.bundle", content[:-1])
        for bundle, kind in [(cut, lifeboat.TruncatedError), (self.changed(self.chain[0], len(content) // 2), lifeboat.CorruptError)]:
            with self.assertRaises(kind):
                collect(bundle, self.key)
        with self.assertRaises(lifeboat.MismatchError):
            list(lifeboat.rows(self.chain[0], self.key, expect="0" * 64))
        with self.assertRaises(lifeboat.MismatchError):
            list(lifeboat.rows(self.chain[1:], self.key))

    def test_a_consumer_that_leaves(self) -> None:
        before = set(os.listdir("/proc/self/fd"))
        for _ in lifeboat.rows(self.chain, self.key):
            break
        generator = lifeboat.rows(self.chain, self.key)
        next(generator)
        generator.close()
        lifeboat.rows(self.chain, self.key)  # never begun
        self.assertNotIn("lifeboat", [thread.name for thread in threading.enumerate()])
        self.assertLessEqual(set(os.listdir("/proc/self/fd")), before)
