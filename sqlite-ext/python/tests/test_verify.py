"""`verify` and `info`: what they say of bundles, and what they refuse."""

from __future__ import annotations

import os
from pathlib import Path

import sqlite_lifeboat as lifeboat

from .scene import SCHEMA, Scene, connect, one, script


class Verify(Scene):
    def test_without_a_key(self) -> None:
        verified = lifeboat.verify(self.chain)
        self.assertNotIsInstance(verified, lifeboat.Summary)
        self.assertEqual(len(verified.bundles), 3)
        self.assertEqual(verified.report, verified.bundles[2])
        self.assertEqual(verified.bundles[1].base_id, verified.bundles[0].state_id)
        self.assertEqual(verified.bundles[0].size, Path(self.chain[0]).stat().st_size)
        self.assertFalse(verified.report.authentic)
        # A delta by itself.
        self.assertEqual(lifeboat.verify(self.chain[1]).bundles, (lifeboat.verify(self.chain[1]).report,))

    def test_with_the_verify_key(self) -> None:
        db = connect(":memory:")
        verify_key = one(db, "SELECT backup_verify_key(?)", self.key)
        other = one(db, "SELECT backup_verify_key(backup_keygen())")
        db.close()
        self.assertTrue(lifeboat.verify(self.chain, verify_key=verify_key).report.authentic)
        self.assertEqual(lifeboat.verify(self.chain[0]).report.verify_key, verify_key)
        for wrong, kind in {other: lifeboat.MismatchError, "x": lifeboat.MisuseError, "": lifeboat.MisuseError}.items():
            with self.assertRaises(kind):
                lifeboat.verify(self.chain, verify_key=wrong)
        with self.assertRaisesRegex(lifeboat.MisuseError, "give key or verify_key"):
            lifeboat.verify(self.chain, key=self.key, verify_key=verify_key)

    def test_with_the_recovery_key(self) -> None:
        summary = lifeboat.verify(self.chain, key=self.key)
        self.assertEqual(summary, lifeboat.info(self.chain, self.key))
        self.assertEqual(summary.tables, (("all values", 19), ("hidden", 2), ("keyed", 2), ("later", 1)))
        self.assertEqual((summary.rows, summary.domain, summary.domain_proven, summary.selection), (24, "default", True, None))
        self.assertEqual([(part.kind, part.name) for part in summary.schema if part.kind != "table"], [
            ("index", "words"), ("view", "loud"), ("trigger", "never"),
        ])
        self.assertIn("CREATE VIEW loud AS SELECT upper(word) FROM hidden", [part.sql for part in summary.schema])

    def test_a_selection(self) -> None:
        db = connect(self.path("app.db"))
        script(db, SCHEMA)
        part = {"tables": ["keyed", "hidden"], "where": {"keyed": "b = 'x'"}, "cache": ["hidden"]}
        self.export(db, self.path("part.bundle"), **part)
        db.close()
        selection = lifeboat.info(self.path("part.bundle"), self.key).selection
        assert selection is not None
        self.assertEqual((selection.tables, selection.exclude), (("hidden", "keyed"), ()))
        self.assertEqual((selection.conditions, selection.cache), ((("keyed", "b = 'x'"),), ("hidden",)))

    def test_what_is_expected(self) -> None:
        states = [bundle.state_id for bundle in lifeboat.verify(self.chain).bundles]
        lifeboat.verify(self.chain, expect=states[2])
        lifeboat.verify(self.chain[:2], key=self.key, expect=states[1])
        for key in (None, self.key):
            with self.assertRaises(lifeboat.MismatchError):
                if key is None:
                    lifeboat.verify(self.chain, expect=states[0])
                else:
                    lifeboat.verify(self.chain, key=key, expect=states[0])

    def test_what_is_wrong(self) -> None:
        content = Path(self.chain[0]).read_bytes()
        for bundles, kind in [
            (self.write("cut.bundle", content[:-1]), lifeboat.TruncatedError),
            (self.changed(self.chain[0], 1000), lifeboat.CorruptError),
            (self.write("noise.bundle", b"\x55" * 5000), lifeboat.CorruptError),
            ([self.chain[0], self.chain[2]], lifeboat.MismatchError),
            (self.path("none.bundle"), lifeboat.HostError),
        ]:
            with self.assertRaises(kind) as raised:
                lifeboat.verify(bundles)
            named = bundles if isinstance(bundles, str) else bundles[1]
            self.assertIn(named, str(raised.exception))
            with self.assertRaises(kind):
                lifeboat.info(bundles, self.key)
        # A newer format.
        newer = bytearray(content)
        newer[8] = 99
        with self.assertRaises((lifeboat.UnsupportedError, lifeboat.CorruptError)):
            lifeboat.verify(self.write("newer.bundle", bytes(newer)))

    def test_an_error_of_a_kind(self) -> None:
        with self.assertRaises(lifeboat.Error) as raised:
            lifeboat.verify(self.path("none.bundle"))
        error = raised.exception
        self.assertEqual(error.kind, "host")
        self.assertEqual(str(error), f"host: {error.message}")
        self.assertEqual(type(error).__module__, "sqlite_lifeboat")

    def test_a_bundle_that_may_not_be_read(self) -> None:
        if os.geteuid() == 0:
            self.skipTest("root may read all")
        locked = self.write("locked.bundle", Path(self.chain[0]).read_bytes())
        os.chmod(locked, 0)
        with self.assertRaises(lifeboat.HostError) as raised:
            lifeboat.verify(locked)
        self.assertIn(locked, str(raised.exception))
        # A directory that may only be entered is enough.
        os.chmod(locked, 0o400)
        os.chmod(self.here, 0o100)
        self.addCleanup(os.chmod, self.here, 0o700)
        lifeboat.verify(locked)
