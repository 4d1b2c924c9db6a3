"""`recover`: what was exported comes back, or a reason; and nothing else is left."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path
from typing import Optional, Union

import sqlite_lifeboat as lifeboat

from .scene import Scene, connect, one


class Recover(Scene):
    def refused(self, kind: type[lifeboat.Error], bundles: Union[str, list[str]], text: str, key: Optional[str] = None) -> None:
        """A recovery that ends with this error, whose text has `text`, and leaves nothing."""
        before = sorted(os.listdir(self.here))
        with self.assertRaises(kind) as raised:
            lifeboat.recover(bundles, key or self.key, self.path("new.db"))
        self.assertIn(text, str(raised.exception))
        for word in ("/bundles/", "/target/", "lifeboat-cli", key or self.key):
            self.assertNotIn(word, str(raised.exception))
        self.assertEqual(sorted(os.listdir(self.here)), before)

    def test_a_bundle(self) -> None:
        recovered = lifeboat.recover(self.chain[0], self.key, self.path("new.db"))
        self.assert_holds("new.db")
        self.assertEqual(recovered.size, os.path.getsize(self.path("new.db")))
        self.assertEqual((recovered.summary.user_version, recovered.summary.encoding), (7, "UTF-8"))
        self.assertIn(lifeboat.Table("keyed", 3), recovered.summary.tables)
        self.assertEqual((recovered.expression_indexes, recovered.partial_indexes), (("words",), ("words",)))
        self.assertEqual(recovered.stored_columns, ("all values.twice",))
        self.assertTrue(recovered.summary.report.authentic)
        # The same state, the same bundle.
        db = connect(self.path("new.db"))
        summary = self.export(db, self.path("again.bundle"))
        db.close()
        self.assertEqual(summary["state_id"], recovered.summary.report.state_id)
        self.assertEqual(Path(self.chain[0]).read_bytes(), Path(self.path("again.bundle")).read_bytes())

    def test_a_chain(self) -> None:
        recovered = lifeboat.recover([Path(path) for path in self.chain], self.key, Path(self.path("new.db")))
        self.assert_equal(self.shared / "app.db", self.path("new.db"))
        self.assertEqual([bundle.base_id is None for bundle in recovered.summary.bundles], [True, False, False])
        self.assertEqual(recovered.summary.report, recovered.summary.bundles[-1])

    def test_other_databases(self) -> None:
        for number, source in enumerate(os.environ.get("LIFEBOAT_DATABASES", "").split(":")):
            if source:
                bundle, copy = self.path(f"{number}.bundle"), self.path(f"{number}.db")
                db = connect(source)
                self.export(db, bundle)
                db.close()
                lifeboat.recover(bundle, self.key, copy)
                self.assert_equal(source, copy)

    def test_the_forms_of_the_key(self) -> None:
        os.environ["LIFEBOAT_TEST_KEY"] = self.key
        self.addCleanup(os.environ.pop, "LIFEBOAT_TEST_KEY")
        for number, key in enumerate([f"file:{self.shared}/app.key", "env:LIFEBOAT_TEST_KEY", f" {self.key}\n"]):
            lifeboat.recover(self.chain[0], key, self.path(f"{number}.db"))
        for key, kind in {
            "file:/none": lifeboat.HostError,
            f"file:{self.shared}": lifeboat.HostError,
            f"file:{self.chain[0]}": lifeboat.MisuseError,
            "env:LIFEBOAT_NO_KEY": lifeboat.HostError,
            "": lifeboat.MisuseError,
            "lifeboatkey1é": lifeboat.MisuseError,
            "x" * 100_000: lifeboat.MisuseError,
            # One letter is another.
            self.key[:-1] + ("q" if self.key[-1] != "q" else "p"): lifeboat.MisuseError,
        }.items():
            with self.assertRaises(kind) as raised:
                lifeboat.recover(self.chain[0], key, self.path("new.db"))
            self.assertNotIn(self.key[15:40], str(raised.exception))
        self.assert_holds("0.db", "1.db", "2.db")

    def test_a_wrong_key(self) -> None:
        db = connect(":memory:")
        other = one(db, "SELECT backup_keygen()")
        db.close()
        self.refused(lifeboat.WrongKeyError, self.chain[0], self.chain[0], other)

    def test_damage(self) -> None:
        content = Path(self.chain[0]).read_bytes()
        for length in (0, 10, len(content) // 2, len(content) - 1):
            self.refused(lifeboat.TruncatedError, self.write("cut.bundle", content[:length]), "cut.bundle")
        for at in (len(content) // 3, len(content) // 2, len(content) - 1):
            self.refused(lifeboat.CorruptError, self.changed(self.chain[0], at), "flipped.bundle")
        self.refused(lifeboat.CorruptError, [self.chain[0], self.changed(self.chain[1], 300)], "flipped.bundle")
        self.refused(lifeboat.CorruptError, self.write("long.bundle", content + b"x"), "long.bundle")

    def test_no_bundle(self) -> None:
        self.refused(lifeboat.HostError, self.path("none.bundle"), f"'{self.path('none.bundle')}' cannot be read: No such file")
        self.refused(lifeboat.HostError, [self.chain[0], self.path("none.bundle")], "No such file")
        self.refused(lifeboat.MisuseError, str(self.here), "lies in a copy")
        self.refused(lifeboat.MisuseError, "a\0b", "NUL character")
        self.refused(lifeboat.MisuseError, "a\udc80b", "UTF-8")
        self.refused(lifeboat.MisuseError, [], "at least one")

    def test_no_chain(self) -> None:
        full, first, second = self.chain
        self.refused(lifeboat.MismatchError, first, "1.bundle")
        self.refused(lifeboat.MismatchError, [first, second], "this is a delta")
        self.refused(lifeboat.MismatchError, [full, second], "2.bundle")
        # The words are those that every host has for these bundles.
        order = "bundle 2 of the chain does not follow: a wrong order: bundle 3 comes before it"
        self.refused(lifeboat.MismatchError, [full, second, first], f"mismatch: {second}: {order}")
        self.refused(lifeboat.MismatchError, [second, first, full], f"mismatch: {first}: {order}")
        self.refused(lifeboat.MismatchError, [full, full], "0.bundle: bundle 2 of the chain does not follow: it is a full bundle")

    def test_what_is_expected(self) -> None:
        state = lifeboat.verify(self.chain[0]).report.state_id
        lifeboat.recover(self.chain[0], self.key, self.path("new.db"), expect=state)
        for expect, kind in {
            "0" * 64: lifeboat.MismatchError,
            "": lifeboat.MisuseError,
            "--json": lifeboat.MisuseError,
            state + "\0": lifeboat.MisuseError,
        }.items():
            with self.assertRaises(kind):
                lifeboat.recover(self.chain[0], self.key, self.path("other.db"), expect=expect)
        self.assert_holds("new.db")

    def test_the_page_size(self) -> None:
        lifeboat.recover(self.chain[0], self.key, self.path("new.db"), page_size=512)
        self.assertEqual(Path(self.path("new.db")).read_bytes()[16:18], b"\x02\x00")
        for size in (0, -512, 513, 131072):
            with self.assertRaises(lifeboat.MisuseError):
                lifeboat.recover(self.chain[0], self.key, self.path("other.db"), page_size=size)
        self.assert_holds("new.db")

    def test_names_that_need_care(self) -> None:
        os.mkdir(self.path("a dir"))
        os.symlink(self.chain[0], self.path("a dir/link"))
        os.symlink(self.path("far.db"), self.path("near.db"))
        lifeboat.recover(self.path("a dir/link"), self.key, self.path("near.db"))
        os.rename(self.path("far.db"), self.path("a dir/-x 'ü' %s.db"))
        name = self.path("--json")
        Path(name).write_bytes(Path(self.chain[0]).read_bytes())
        before = os.getcwd()
        self.addCleanup(os.chdir, before)
        os.chdir(self.here)
        lifeboat.recover("--json", self.key, "-")
        self.assert_equal("-", "a dir/-x 'ü' %s.db")
        self.assert_holds("-", "--json", "a dir", "near.db")

    def test_an_existing_target(self) -> None:
        kept = self.write("new.db", b"kept")
        self.refused(lifeboat.MisuseError, self.chain[0], "already exists; give another path, or replace=True (--replace)")
        self.assertEqual(Path(kept).read_bytes(), b"kept")
        os.chmod(kept, 0o640)
        with self.assertRaises(lifeboat.CorruptError):
            lifeboat.recover(self.changed(self.chain[0], 300), self.key, kept, replace=True)
        self.assertEqual(Path(kept).read_bytes(), b"kept")
        lifeboat.recover(self.chain[0], self.key, kept, replace=True)
        self.assertEqual(stat.S_IMODE(os.stat(kept).st_mode), 0o640)
        self.assert_holds("new.db", "flipped.bundle")

    def test_a_target_that_cannot_be(self) -> None:
        bundle = self.write("0.bundle", Path(self.chain[0]).read_bytes())
        self.write("old.db-wal", b"")
        for path, replace, kind in [
            (bundle, True, lifeboat.MisuseError),
            (self.path("old.db"), False, lifeboat.MisuseError),
            (self.path("old.db"), True, lifeboat.MisuseError),
            (str(self.here), True, lifeboat.MisuseError),
            (self.path("none/new.db"), False, lifeboat.HostError),
            (self.path("0.bundle/new.db"), False, lifeboat.HostError),
            ("/proc/new.db", False, lifeboat.HostError),
        ]:
            with self.assertRaises(kind):
                lifeboat.recover(bundle, self.key, path, replace=replace)
        self.assertEqual(Path(bundle).read_bytes(), Path(self.chain[0]).read_bytes())
        self.assert_holds("0.bundle", "old.db-wal")

    def test_a_target_that_appears_meanwhile(self) -> None:
        theirs = b"theirs"

        def appear(phase: str, done: int, total: Optional[int]) -> None:
            if phase == "writing" and done == 0:
                self.write("new.db", theirs)

        with self.assertRaisesRegex(lifeboat.BusyError, "busy: .*new.db' was made meanwhile by somebody else"):
            lifeboat.recover(self.chain[0], self.key, self.path("new.db"), progress=appear)
        self.assertEqual(Path(self.path("new.db")).read_bytes(), theirs)
        # What is replaced is looked at once more.
        theirs = self.key.encode()
        with self.assertRaisesRegex(lifeboat.MisuseError, "holds a recovery key"):
            lifeboat.recover(self.chain[0], self.key, self.path("new.db"), replace=True, progress=appear)
        self.assertEqual(Path(self.path("new.db")).read_bytes(), theirs)
        self.assert_holds("new.db")

    def test_what_is_never_replaced(self) -> None:
        """Neither is it suggested."""
        ledger = {"ledger": self.path("app.ledger")}
        db = connect(self.shared / "app.db")
        self.export(db, self.path("app.bundle"), **ledger)
        db.close()
        groups = " ".join(self.key[at : at + 4] for at in range(0, len(self.key), 4))
        keys = {
            "app.key": self.key.encode(),
            "upper.key": self.key.upper().encode(),
            "groups.key": groups.encode(),
            "wide.key": self.key.encode("utf-16"),
            "notes.env": f"# keep this\nKEY='{self.key}'\n".encode(),
            "typo.key": self.key[:-1].encode() + b"b",
        }
        for name, content in keys.items():
            self.write(name, content)
        os.link(self.path("app.key"), self.path("same.key"))
        os.symlink(self.path("app.key"), self.path("link.key"))
        self.write("damaged.bundle", b"no bundle, but one that is read")
        self.write("other.bundle", Path(self.chain[2]).read_bytes())
        self.write("copy.db", (self.shared / "app.db").read_bytes())
        bundles = [self.path("app.bundle"), self.path("damaged.bundle")]
        before = {name: Path(self.path(name)).read_bytes() for name in os.listdir(self.here)}
        key_file = Path(self.path("app.key"))
        for target, words in {
            **{name: "holds a recovery key and is never replaced" for name in keys},
            "app.key": "is the file with the recovery key and is never replaced",
            "same.key": "is the file with the recovery key and is never replaced",
            "link.key": "is the file with the recovery key and is never replaced",
            "app.bundle": "is the target, and a bundle that is read, too, which would be lost",
            "damaged.bundle": "is the target, and a bundle that is read, too, which would be lost",
            "other.bundle": "is a bundle and is never replaced by a database",
            "app.ledger": "is a ledger and is never replaced by a database",
            "copy.db-wal": "belongs to a database",
        }.items():
            for replace in (False, True):
                with self.assertRaises(lifeboat.MisuseError) as raised:
                    lifeboat.recover(bundles, key_file, self.path(target), replace=replace)
                self.assertIn(words, str(raised.exception))
                self.assertNotIn("replace=True", str(raised.exception))
        # A key file that holds none is not one to be lost, either.
        with self.assertRaises(lifeboat.MisuseError):
            lifeboat.recover(bundles, f"file:{bundles[1]}", self.path("damaged.bundle"), replace=True)
        self.assertEqual({name: Path(self.path(name)).read_bytes() for name in os.listdir(self.here)}, before)

    @unittest.skipUnless(os.geteuid() == 0, "only root gives files away")
    def test_whose_it_is(self) -> None:
        kept = self.write("new.db", b"kept")
        os.chown(kept, 65534, 65534)
        os.chmod(kept, 0o660)
        lifeboat.recover(self.chain[0], self.key, kept, replace=True)
        found = os.stat(kept)
        self.assertEqual((found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)), (65534, 65534, 0o660))

    def test_what_a_killed_process_left(self) -> None:
        program = (
            "import sqlite_lifeboat as lifeboat, os, sys\n"
            "def die(phase, done, total):\n"
            "    if phase == 'writing' and done: os.kill(os.getpid(), 9)\n"
            "lifeboat.recover(sys.argv[1], sys.argv[2], sys.argv[3], progress=die)\n"
        )
        arguments = [sys.executable, "-c", program, self.chain[0], f"file:{self.shared}/app.key", self.path("new.db")]
        self.assertEqual(subprocess.run(arguments, stderr=subprocess.PIPE).returncode, -9)
        (left,) = os.listdir(self.here)
        self.assertRegex(left, r"\A\.lifeboat-[0-9a-f]{16}\.partial\Z")
        self.assertTrue(os.listdir(self.path(left)))
        os.mkdir(self.path(".lifeboat-0123456789abcdef.partial.kept"))
        os.symlink(self.shared, self.path(".lifeboat-0123456789abcdef.partial"))

        def others(phase: str, done: int, total: Optional[int]) -> None:
            # Who works beside it removes nothing of it.
            if phase == "building":
                lifeboat.recover(self.chain[0], self.key, self.path("other.db"))

        lifeboat.recover(self.chain[0], self.key, self.path("new.db"), progress=others)
        self.assert_holds(
            "new.db", "other.db", ".lifeboat-0123456789abcdef.partial", ".lifeboat-0123456789abcdef.partial.kept"
        )
        self.assertTrue((self.shared / "app.db").exists())

    def test_computed_by_another_sqlite(self) -> None:
        """Case 051: SQLite 3.40 rounds otherwise than the component's."""
        db = connect(":memory:")
        list(db.execute("CREATE TABLE prices(id INTEGER PRIMARY KEY, p REAL, s AS (round(p, 2)) STORED, v AS (round(p, 2)))"))
        list(db.execute("INSERT INTO prices(p) VALUES (2.675), (1.005), (0.285)"))
        list(db.execute("CREATE INDEX pr ON prices(round(p, 2))"))
        list(db.execute("CREATE INDEX pv ON prices(v)"))
        list(db.execute("CREATE INDEX many ON prices(p) WHERE round(p, 2) > 2.675"))
        self.export(db, self.path("prices.bundle"))
        db.close()
        recovered = lifeboat.recover(self.path("prices.bundle"), self.key, self.path("new.db"))
        self.assertEqual((recovered.expression_indexes, recovered.partial_indexes), (("pr", "pv"), ("many",)))
        advice = recovered.advice or ""
        self.assertIn(f"SQLite {recovered.sqlite_version}, inside the component, computed the indexes pr, pv, many and ", advice)
        self.assertIn(" the stored column prices.s. ", advice)
        self.assertIn("run REINDEX with the SQLite that will use the database", advice)
        self.assertEqual(recovered.reindexed_by, None)
        steps = []
        again = lifeboat.recover(
            self.path("prices.bundle"), self.key, self.path("again.db"), reindex=True, progress=lambda *step: steps.append(step[0])
        )
        self.assertEqual(list(dict.fromkeys(steps)), ["reading", "building", "writing", "reindexing"])
        self.assertEqual((again.reindexed_by, again.size), (sqlite3.sqlite_version, os.path.getsize(self.path("again.db"))))
        stored = f"SQLite {again.sqlite_version}, inside the component, computed the stored column prices.s. "
        self.assertTrue((again.advice or "").startswith(stored), again.advice)
        found = {}
        states = set()
        for name in ("new.db", "again.db"):
            plain = sqlite3.connect(self.path(name))
            found[name] = [
                plain.execute("SELECT count(*) FROM prices WHERE round(p, 2) = round(2.675, 2)").fetchone()[0],
                plain.execute("SELECT count(*) FROM prices INDEXED BY pv WHERE v = round(2.675, 2)").fetchone()[0],
                plain.execute("PRAGMA integrity_check").fetchone()[0],
            ]
            plain.close()
            db = connect(self.path(name))
            states.add(self.export(db, self.path(f"{name}.bundle"))["state_id"])
            db.close()
            os.remove(self.path(f"{name}.bundle"))
        self.assertEqual(states, {recovered.summary.report.state_id})
        self.assertEqual(found["again.db"], [1, 1, "ok"])
        if sqlite3.sqlite_version_info < (3, 43):
            self.assertEqual(found["new.db"][:2], [0, 0], "the fault that REINDEX is for")
        self.assert_holds("prices.bundle", "new.db", "again.db")

    def test_nothing_to_reindex(self) -> None:
        db = connect(":memory:")
        list(db.execute("CREATE TABLE t(a UNIQUE, b)"))
        self.export(db, self.path("t.bundle"))
        db.close()
        recovered = lifeboat.recover(self.path("t.bundle"), self.key, self.path("new.db"), reindex=True)
        self.assertEqual((recovered.advice, recovered.reindexed_by), (None, None))

    def test_reindex_that_cannot_be_done_or_is_stopped(self) -> None:
        db = connect(":memory:")
        list(db.execute("CREATE TABLE t(a, b)"))
        counting = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 30000) "
        list(db.execute(counting + "INSERT INTO t SELECT i, hex(zeroblob(100)) || i FROM n"))
        list(db.execute("CREATE INDEX slow ON t(replace(b, '0', 'xyz'))"))
        self.export(db, self.path("t.bundle"))
        db.close()

        class Enough(Exception):
            pass

        def stop(phase: str, done: int, total: Optional[int]) -> None:
            if phase == "reindexing":
                raise Enough

        with self.assertRaises(Enough):
            lifeboat.recover(self.path("t.bundle"), self.key, self.path("new.db"), reindex=True, progress=stop)

        def interrupt(phase: str, done: int, total: Optional[int]) -> None:
            if phase == "reindexing":
                timer = threading.Timer(0.01, os.kill, [os.getpid(), signal.SIGINT])
                timer.start()
                self.addCleanup(timer.join)

        with self.assertRaises(KeyboardInterrupt):
            lifeboat.recover(self.path("t.bundle"), self.key, self.path("new.db"), reindex=True, progress=interrupt)
            time.sleep(1)
        self.assert_holds("t.bundle")

    def test_it_is_for_its_owner_alone(self) -> None:
        lifeboat.recover(self.chain[0], self.key, self.path("new.db"))
        self.assertEqual(stat.S_IMODE(os.stat(self.path("new.db")).st_mode), 0o600)

    def test_too_little_memory(self) -> None:
        for memory in (0, 1 << 20, 33 << 20):
            with self.assertRaises(lifeboat.TooBigError):
                lifeboat.recover(self.chain[0], self.key, self.path("new.db"), max_memory=memory)
        self.assert_holds()
