"""`save`, `restore` and the other functions of a live database and of stores: each does what it says, compared by value, and each
refuses a mistake in an error of its kind, with its name and a remedy."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import unittest
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Callable, Union

import sqlite_lifeboat as lifeboat
from sqlite_lifeboat import MisuseError

from .scene import CAN_LOAD, Scene, connect

Call = Callable[[], Any]


class Live(Scene):
    """Each test has `wallet.db`, two places for copies, and the file of the key."""

    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.here)
        self.file = Path("recovery.key")
        self.file.write_text(self.key + "\n")
        self.stores: list[Union[str, os.PathLike[str]]] = ["dir:disk/copy", Path("stick/copy")]
        for place in ("disk", "stick"):
            os.mkdir(place)
        self.db = connect("wallet.db")
        self.addCleanup(self.db.close)
        self.run_sql("CREATE TABLE tokens(token TEXT PRIMARY KEY, worth)", "INSERT INTO tokens VALUES ('spend me', 0.1 + 0.2)")

    def run_sql(self, *statements: str) -> None:
        for statement in statements:
            list(self.db.execute(statement))

    def rows(self, path: str) -> list[Any]:
        db = sqlite3.connect(path)
        try:
            return db.execute("SELECT * FROM tokens ORDER BY token").fetchall()
        finally:
            db.close()

    def refused(self, kind: type[lifeboat.Error], call: Call, *words: str) -> None:
        with self.assertRaises(kind) as raised:
            call()
        said = str(raised.exception)
        for word in words:
            self.assertIn(word, said)
        self.assertNotIn(self.key[20:], said)
        self.assertNotIn("backup_", said)


class Saves(Live):
    def test_save_and_restore(self) -> None:
        saved = lifeboat.save("wallet.db", self.file, self.stores, label="first", writer="me", date="2026-11-29T12:30:00Z")
        self.assertEqual((saved.number, saved.full, saved.changed, saved.minimum, saved.done), (1, True, True, 2, 2))
        self.assertEqual(
            [(copy.store, copy.state) for copy in saved.copies], [("dir:disk/copy", "done"), ("dir:stick/copy", "done")]
        )
        self.assertEqual(saved.report["record"], saved.record_hash)
        restored = lifeboat.restore("new.db", "dir:stick/copy", self.file)
        self.assertEqual((restored.outcome, restored.rows, restored.tables, restored.number), ("restored", 1, 1, 1))
        self.assertEqual((restored.state_id, restored.date), (saved.state_id, "2026-11-29T12:30:00Z"))
        self.assertEqual(self.rows("new.db"), [("spend me", 0.1 + 0.2)])
        # On an open connection, with all forms of a key.
        self.run_sql("INSERT INTO tokens VALUES ('and me', 1)")
        forms: list[Any] = [self.key, "file:recovery.key", [Path("none.key"), self.file], lifeboat.write_key(self.file)]
        for key in forms:
            saved = lifeboat.save(self.db, key, self.stores, domain="default")
            self.assertEqual((saved.number, saved.changed), (2, key == self.key))
        self.assertEqual(lifeboat.save(self.db, self.file, Path("stick/copy")).minimum, 1)
        fresh = connect("fresh.db")
        self.addCleanup(fresh.close)
        self.assertEqual(lifeboat.restore(fresh, self.stores, self.file, resume=True).rows, 2)
        self.assertEqual(list(fresh.execute("SELECT count(*) FROM tokens"))[0][0], 2)
        self.assertFalse(lifeboat.save(fresh, self.file, self.stores).changed)

    def test_which_state_is_restored(self) -> None:
        states = []
        for day in (1, 2, 3):
            self.run_sql(f"INSERT INTO tokens VALUES ('{day}', {day})")
            when = datetime(2026, 1, day, tzinfo=timezone.utc)
            states.append(lifeboat.save(self.db, self.file, self.stores, date=when).state_id)
        chosen: list[dict[str, Any]] = [{"seq": 2}, {"state": states[1]}, {"at": "2026-01-02"}]
        for choice in chosen:
            self.assertEqual(lifeboat.restore("old.db", self.stores, self.file, **choice, replace=True).number, 2)
            self.assertEqual(len(self.rows("old.db")), 3)
        bundle = lifeboat.export(self.db, self.file, "wallet.bundle")
        for source in ("wallet.bundle", Path("wallet.bundle"), Path("wallet.bundle").read_bytes(), ["wallet.bundle"]):
            self.assertEqual(lifeboat.restore("old.db", source, self.file, replace=True).state_id, bundle.state_id)
        restore = lifeboat.restore
        self.refused(
            MisuseError, lambda: restore("old.db", "wallet.bundle", self.file), "restore: ", "give the option replace=True"
        )
        self.refused(lifeboat.HostError, lambda: restore("x.db", self.stores, self.file, seq=9), "restore: ", "the newest is 3")
        self.refused(
            MisuseError, lambda: restore("x.db", self.stores, self.file, seq=1, at="2026"), "restore: seq, state and at"
        )
        self.refused(MisuseError, lambda: restore("x.db", b"x", self.file, seq=1), "restore: seq, state and at choose a save")
        self.refused(
            MisuseError, lambda: restore("x.db", self.stores, self.file, seq=-1), "restore: seq is the number of a save"
        )
        self.refused(MisuseError, lambda: restore("x.db", 5, self.file), "restore: the source is of the type int")  # type: ignore[arg-type]
        self.refused(lifeboat.WrongKeyError, lambda: restore("x.db", "wallet.bundle", lifeboat.keygen()), "restore: ")
        # No file is left by what was refused.
        self.assertFalse(os.path.exists("x.db"))

    def test_restore_or_begin(self) -> None:
        self.assertEqual(lifeboat.restore("app.db", self.stores, self.file, or_new=True).outcome, "new")
        lifeboat.save(self.db, self.file, self.stores)
        self.assertEqual(lifeboat.restore("app.db", self.stores, self.file, or_new=True).outcome, "restored")
        kept = lifeboat.restore("app.db", self.stores, self.file, or_new=True)
        self.assertEqual((kept.outcome, kept.state_id, kept.copies), ("kept", None, ()))

    def test_what_save_refuses(self) -> None:
        save, stores, key = lifeboat.save, self.stores, self.file
        remedy = "give a connection of sqlite3 or apsw, or the path of its file"
        wrong: Any
        for wrong, words in [
            (None, f"the database is None; {remedy}"),
            (5, f"the database is of the type int; {remedy}"),
            (":memory:", "give your connection"),
            (str(self.here), "is a directory; give the path of a database"),
            (self.key, "a recovery key stands where the path of the database belongs"),
        ]:
            self.refused(MisuseError, lambda: save(wrong, key, stores), "save: ", words)
        self.refused(
            lifeboat.HostError, lambda: save("walet.db", key, stores), "save: there is no database 'walet.db'; give the path"
        )
        self.assertFalse(os.path.exists("walet.db"))
        for wrong, words in [
            (None, "save: the key is None; give a Path of its file"),
            ("recovery.key", "write 'file:PATH'"),
            (b"x", "save: the key is of the type bytes"),
        ]:
            self.refused(MisuseError, lambda: save(self.db, wrong, stores), "save: ", words)
        for wrong, words in [
            (None, "the stores are None; give 'dir:PATH', a Path"),
            ("stick", "write 'dir:PATH' for a directory"),
            ([], "name at least one"),
            ([b"x"], "a store is of the type bytes"),
            (self.file, "for a configuration write 'file:PATH'"),
            (self.key, "a recovery key stands where a store belongs"),
        ]:
            self.refused(MisuseError, lambda: save(self.db, key, wrong), "save: ", words)
        self.refused(MisuseError, lambda: save(self.db, key, stores, minimum=5), "save: the option `minimum` is 5")
        self.refused(
            MisuseError, lambda: save(self.db, key, stores, date=datetime(2026, 1, 1)), "save: the date has no time zone"
        )
        self.refused(MisuseError, lambda: save(self.db, key, stores, where={"tokens": object()}), "JSON")  # type: ignore[dict-item]
        self.run_sql("BEGIN", "DELETE FROM tokens")
        self.refused(MisuseError, lambda: save(self.db, key, stores), "save: the connection has a write transaction open")
        self.run_sql("ROLLBACK")
        Path("noise.db").write_bytes(b"\x55" * 5000)
        self.refused(lifeboat.CorruptError, lambda: save("noise.db", key, stores), "save: ", "not a database")
        os.rmdir("stick")
        self.refused(lifeboat.UnreachableError, lambda: save(self.db, key, stores), "save: ", "dir:stick/copy: away")
        self.db.close()
        self.refused(MisuseError, lambda: save(self.db, key, stores), "save: ", "give a connection that is open")

    def test_from_another_thread(self) -> None:
        ended: list[Any] = []

        def work() -> None:
            ended.append(lifeboat.save("wallet.db", self.file, self.stores).done)
            ended.append(len(lifeboat.log(self.stores, self.file)))

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        self.assertEqual(ended, [2, 1])

    @unittest.skipUnless(CAN_LOAD, "this Python's sqlite3 cannot load extensions")
    def test_what_a_connection_makes_of_rows_does_not_matter(self) -> None:
        plain = sqlite3.connect("wallet.db")
        self.addCleanup(plain.close)
        plain.row_factory = lambda cursor, row: {"row": row}
        plain.text_factory = bytes
        self.assertEqual(lifeboat.save(plain, self.file, self.stores).number, 1)
        self.assertEqual(lifeboat.events(plain)[0].about, {"store": "dir:disk/copy"})
        self.assertEqual(plain.execute("SELECT 1").fetchone(), {"row": (1,)})

    def test_files(self) -> None:
        Path("app.conf").write_text("colour = red\n")
        saved = lifeboat.save_files([Path("app.conf")], self.file, self.stores, domain="papers", local="papers-state")
        self.assertEqual((saved.number, saved.done, saved.domain), (1, 2, "papers"))
        lifeboat.save(self.db, self.file, self.stores)
        restored = lifeboat.restore_all(self.stores, self.file, Path("all"))
        self.assertEqual((restored.restored, restored.failed, restored.unreachable), (2, 0, ()))
        found = {domain.domain: domain for domain in restored.domains}
        self.assertEqual((found["default"].rows, found["papers"].files, found["papers"].error), (1, 1, None))
        self.assertEqual(Path("all/papers/app.conf").read_text(), "colour = red\n")
        self.assertEqual(self.rows("all/default"), [("spend me", 0.1 + 0.2)])
        save, restore = lifeboat.save_files, lifeboat.restore_all
        self.refused(
            MisuseError,
            lambda: save("app.conf", self.file, self.stores, domain="x", local="y"),
            "save_files: ",
            "a list of paths",
        )
        self.refused(
            lifeboat.HostError, lambda: save(["none"], self.file, self.stores, domain="x", local="y"), "save_files: ", "none"
        )
        self.refused(
            MisuseError, lambda: restore(self.stores, self.file, "stick/copy"), "restore_all: ", "give another directory"
        )
        self.refused(lifeboat.WrongKeyError, lambda: restore(self.stores, lifeboat.keygen(), "other"), "restore_all: ")

    def test_export(self) -> None:
        full = lifeboat.export("wallet.db", self.file, "0.bundle")
        self.assertEqual((full.full, full.rows, full.changed, full.base_id), (True, 1, True, None))
        self.assertEqual((full.size, full.path), (os.path.getsize("0.bundle"), "0.bundle"))
        self.assertFalse(lifeboat.export("wallet.db", self.file, "0.bundle").changed)
        self.run_sql("INSERT INTO tokens VALUES ('and me', 1)")
        delta = lifeboat.export(self.db, self.file, Path("1.bundle"), base=Path("0.bundle"), ledger="ledger")
        self.assertEqual((delta.full, delta.base_id, delta.changes), (False, full.state_id, 1))
        self.assertEqual(lifeboat.verify(["0.bundle", "1.bundle"], key=self.file).report.state_id, delta.state_id)
        part = lifeboat.export(
            self.db, self.file, "part.bundle", tables=["tokens"], where={"tokens": "worth = 1"}, domain="part"
        )
        self.assertEqual((part.rows, part.domain), (1, "part"))
        export = lifeboat.export
        self.refused(
            MisuseError, lambda: export(self.db, self.file, "1.bundle", base="0.bundle", compress="x"), "export: ", "`compress`"
        )
        self.refused(MisuseError, lambda: export(self.db, self.file, self.file), "export: ", "give another path")
        self.refused(MisuseError, lambda: export(self.db, self.file, ""), "export: the path of the file to write is empty")
        self.refused(
            MisuseError, lambda: export(self.db, self.file, "x", tables="tokens"), "export: ", "`tables` must be an array"
        )
        self.refused(lifeboat.HostError, lambda: export(self.db, self.file, "none/x"), "export: ", "its directory must exist")


class Stores(Live):
    def setUp(self) -> None:
        super().setUp()
        for number in (1, 2, 3):
            self.run_sql(f"INSERT INTO tokens VALUES ('{number}', {number})")
            lifeboat.save(self.db, self.file, self.stores, label=f"save {number}")

    def test_log(self) -> None:
        saves = list(lifeboat.saves("dir:stick/copy", self.file))
        entries = lifeboat.log(self.stores, self.file)
        self.assertEqual([(entry.number, entry.label) for entry in entries], [(3, "save 3"), (2, "save 2"), (1, "save 1")])
        for entry, save in zip(entries, saves):
            self.assertEqual(entry.copies, ("dir:disk/copy", "dir:stick/copy"))
            for name in ("record_hash", "state_id", "kind", "size", "sha256", "uuid", "date", "writer", "label"):
                self.assertEqual(getattr(entry, name), getattr(save, name))
        public = lifeboat.log(self.stores, lifeboat.verify_key(self.file))
        self.assertEqual([(entry.sha256, entry.date) for entry in public], [(entry.sha256, None) for entry in entries])
        self.assertEqual(lifeboat.log(self.stores), public)
        self.refused(lifeboat.WrongKeyError, lambda: lifeboat.log(self.stores, lifeboat.keygen()), "log: ")
        self.refused(lifeboat.HostError, lambda: lifeboat.log("dir:none"), "log: there is no store 'dir:none'")
        self.refused(MisuseError, lambda: lifeboat.log(7), "log: the stores are of the type int")  # type: ignore[arg-type]

    def test_recover_takes_the_names_of_stores(self) -> None:
        both = lifeboat.recover(["dir:disk/copy", "dir:stick/copy"], self.file, "new.db").summary.series
        assert both is not None
        self.assertEqual((both.save.number, [copy.directory for copy in both.copies]), (3, ["disk/copy", "stick/copy"]))
        self.assertEqual(self.rows("new.db"), self.rows("wallet.db"))
        self.assertEqual(lifeboat.info(lifeboat.Copies("dir:stick/copy", seq=1), self.file).rows, 2)
        self.refused(MisuseError, lambda: lifeboat.verify("s3://bucket/x"), "call restore(db, stores, key)")

    def test_status(self) -> None:
        status = lifeboat.status("wallet.db")
        assert status.saved is not None
        self.assertEqual((status.saved.number, status.saved.done, status.failed, status.stores), (3, 2, None, None))
        for db, key in ((self.db, self.file), (None, lifeboat.verify_key(self.file))):
            stores = lifeboat.status(db, self.stores, key).stores
            assert stores is not None
            self.assertEqual((stores.number, stores.current, stores.date is None), (3, 2, db is None))
            self.assertEqual([copy.state for copy in stores.copies], ["current", "current"])
        os.rename("stick", "away")
        with self.assertRaises(lifeboat.UnreachableError):
            lifeboat.save(self.db, self.file, self.stores)
        status = lifeboat.status(self.db)
        assert status.failed is not None and status.saved is not None
        self.assertEqual((status.failed.kind, status.saved.number), ("unreachable", 3))
        self.refused(MisuseError, lambda: lifeboat.status(self.db, self.stores), "status: ", "give stores and key")
        self.refused(MisuseError, lambda: lifeboat.status(self.db, schema="nowhere"), "status: ")

    def test_events(self) -> None:
        events = lifeboat.events(self.db)
        self.assertEqual(
            [(event.number, event.kind, event.level) for event in events][:2],
            [(1, "copy_added", "normal"), (2, "copy_added", "normal")],
        )
        self.assertEqual(events[0].about, {"store": "dir:disk/copy"})
        self.assertEqual(lifeboat.events(local=Path("wallet.db-lifeboat"), after=1), events[1:])
        self.assertEqual(lifeboat.events("wallet.db", after=events[-1].number), [])
        self.refused(MisuseError, lambda: lifeboat.events(), "events: give the database, or local")
        self.refused(MisuseError, lambda: lifeboat.events(self.db, after="1"), "events: after is")  # type: ignore[arg-type]

    def test_scrub(self) -> None:
        sound = lifeboat.scrub(self.stores, self.file, level="restore")
        self.assertEqual((sound.sound, sound.level, sound.finished, sound.unreachable), (True, "restore", True, ()))
        (bundle, *_) = Path("stick/copy").glob("*/bundles/*/*")
        bundle.unlink()
        keeper = lifeboat.verify_key(self.file)
        found = lifeboat.scrub(self.stores, keeper)
        self.assertFalse(found.sound)
        self.assertEqual(
            [(copy.store, copy.complete, copy.missing) for copy in found.series[0].copies],
            [
                ("dir:disk/copy", True, 0),
                ("dir:stick/copy", False, 1),
            ],
        )
        healed = lifeboat.scrub(self.stores, keeper, level="hashes", repair=True)
        self.assertEqual((healed.sound, healed.series[0].copies[1].copied, healed.series[0].lost), (True, 1, 0))
        self.assertTrue(bundle.exists())
        self.refused(MisuseError, lambda: lifeboat.scrub(self.stores, self.file, level="deep"), "scrub: ", "the levels are")  # type: ignore[arg-type]
        self.refused(MisuseError, lambda: lifeboat.scrub(self.stores, keeper, level="contents"), "scrub: ")
        self.refused(lifeboat.HostError, lambda: lifeboat.scrub("dir:none", self.file), "scrub: ")

    def test_prune(self) -> None:
        for number in range(4, 41):
            self.run_sql(f"INSERT INTO tokens VALUES ('{number}', randomblob(2000))")
            lifeboat.save(self.db, self.file, self.stores)
        would = lifeboat.prune(self.stores, self.file, keep={"last": 21})
        self.assertEqual((would.dry_run, would.done, would.sound, would.minimum, would.refused), (True, False, 2, 2, ()))
        gone = would.copies[0].removed.records
        self.assertGreater(gone, 0)
        self.assertEqual(len(lifeboat.log(self.stores, self.file)), 40)
        did = lifeboat.prune(self.stores, self.file, keep={"last": 21}, dry_run=False)
        self.assertEqual((did.dry_run, did.done, [copy.removed.records for copy in did.copies]), (False, True, [gone, gone]))
        self.assertEqual(len(lifeboat.log(self.stores, self.file)), 40 - gone)
        self.assertEqual(lifeboat.restore("new.db", self.stores, self.file).rows, 41)
        dropped = lifeboat.prune(self.stores, self.file, copy=Path("stick/copy"), minimum=1, dry_run=False)
        self.assertTrue(dropped.done)
        self.assertEqual(list(Path("stick/copy").glob("*/bundles/*/*")), [])
        self.refused(MisuseError, lambda: lifeboat.prune(self.stores, self.file), "prune: ", "keep")
        for keep in (30, "last=30", ["last"]):
            self.refused(MisuseError, lambda: lifeboat.prune(self.stores, self.file, keep=keep), "prune: keep is")  # type: ignore[arg-type]
        public = lifeboat.verify_key(self.file)
        self.refused(
            MisuseError, lambda: lifeboat.prune(self.stores, public, keep={"last": 1}), "prune: ", "give the recovery key"
        )


class Protections(Live):
    def until(self, holds: Call) -> None:
        ends = time.monotonic() + 30
        while not holds():
            self.assertLess(time.monotonic(), ends)
            time.sleep(0.05)

    def test_of_a_path(self) -> None:
        self.refused(
            MisuseError, lambda: lifeboat.protect("wallet.db", self.file, self.stores), "protect: ", "option rollback=True"
        )
        self.run_sql("PRAGMA journal_mode = WAL")
        for _ in range(2):
            protected = lifeboat.protect("wallet.db", self.file, self.stores)
            self.assertEqual((protected.protection.holders, protected.domain), (1, "default"))
        self.run_sql("INSERT INTO tokens VALUES ('and me', 1)")

        def is_saved() -> bool:
            protection = lifeboat.status("wallet.db").protection
            return protection is not None and protection.saved_number is not None and not protection.pending

        self.until(is_saved)
        self.assertEqual(lifeboat.restore("new.db", "dir:stick/copy", self.file).rows, 2)
        other = ["dir:disk/other"]
        self.refused(MisuseError, lambda: lifeboat.protect("wallet.db", self.file, other), "protect: ")
        child = os.fork()
        if child == 0:
            # It closes no connection of its parent, and has no protection of its own.
            try:
                lifeboat.unprotect("wallet.db")
            except MisuseError:
                os._exit(7)
            os._exit(1)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 7)
        self.assertEqual(lifeboat.unprotect(Path("wallet.db")), lifeboat.Unprotected(ended=1, left=0))
        self.assertIsNone(lifeboat.status("wallet.db").protection)
        self.refused(MisuseError, lambda: lifeboat.unprotect("wallet.db"), "unprotect: ", "give the path or the connection")

    def test_of_a_connection(self) -> None:
        self.run_sql("PRAGMA journal_mode = WAL")
        self.assertEqual(lifeboat.protect(self.db, self.file, self.stores, timeout=5).protection.holders, 1)
        self.assertEqual(lifeboat.save(self.db, self.file, self.stores).done, 2)
        protection = lifeboat.status(self.db).protection
        assert protection is not None
        self.assertIn(protection.state, ("watching", "pending", "saving"))
        self.assertEqual(lifeboat.unprotect(self.db).ended, 1)
        self.refused(MisuseError, lambda: lifeboat.unprotect(None), "unprotect: the database is None")  # type: ignore[arg-type]

    def test_the_process_ends(self) -> None:
        self.run_sql("PRAGMA journal_mode = WAL")
        self.db.close()
        program = "import sqlite_lifeboat as l; l.protect('wallet.db', 'file:recovery.key', 'dir:stick/copy')"
        ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))
        self.assertEqual([name for name in os.listdir() if name.startswith("wallet.db-") and name != "wallet.db-lifeboat"], [])


class Keys(Live):
    def test_keygen(self) -> None:
        key = lifeboat.keygen()
        self.assertEqual(len(key), 70)
        self.assertTrue(key.startswith("lifeboatkey1"))
        self.assertEqual(repr(key), "SecretKey('lifeboatkey1[key]')")
        self.assertEqual(str(key), "".join(key))
        file = lifeboat.keygen(out="new.key")
        self.assertEqual((file, os.stat(file).st_mode & 0o777), (Path("new.key"), 0o600))
        self.assertRegex(file.read_text(), r"\Alifeboatkey1[a-z0-9]{58}\n\Z")
        again = [lifeboat.keygen(secret=bytes(range(16)), label="notes") for _ in range(2)]
        self.assertEqual(again[0], again[1])
        before = file.read_bytes()
        self.refused(
            MisuseError, lambda: lifeboat.keygen(out="new.key"), "keygen: 'new.key' already exists", "give another path"
        )
        self.assertEqual(file.read_bytes(), before)
        self.refused(lifeboat.HostError, lambda: lifeboat.keygen(out="none/new.key"), "keygen: cannot create 'none/new.key'")
        self.refused(MisuseError, lambda: lifeboat.keygen(secret=b"short", label="x"), "keygen: ", "at least 16 random bytes")
        self.refused(MisuseError, lambda: lifeboat.keygen(label="x"), "keygen: secret and label belong together")
        self.refused(MisuseError, lambda: lifeboat.keygen(secret=b"short", label="x", out="short.key"), "keygen: ")
        self.assertFalse(os.path.exists("short.key"))

    def test_keys_of_one_domain(self) -> None:
        write, read = lifeboat.write_key(self.file, "notes"), lifeboat.read_key(self.file, "notes")
        self.assertEqual((repr(write), repr(read)), ("SecretKey('lifeboatwrite1[key]')", "SecretKey('lifeboatread1[key]')"))
        self.assertEqual(lifeboat.verify_key(write), lifeboat.verify_key(self.file, "notes"))
        self.assertNotEqual(lifeboat.verify_key(self.file), lifeboat.verify_key(write))
        file = lifeboat.write_key(self.file, "notes", out=Path("notes.key"))
        lifeboat.save(self.db, file, self.stores, domain="notes")
        self.assertEqual(lifeboat.restore("new.db", self.stores, read).rows, 1)
        self.assertEqual(lifeboat.read_key(file), read)
        for make in (lifeboat.write_key, lifeboat.read_key, lifeboat.verify_key):
            self.refused(MisuseError, lambda: make("x"), f"{make.__name__}: this is not a recovery key")
        self.refused(
            MisuseError, lambda: lifeboat.save(self.db, read, self.stores), "save: a read key opens bundles and makes none"
        )


class Libraries(Live):
    """A process has the extension in one SQLite library: the package finds it."""

    def runs(self, *lines: str) -> None:
        ended = subprocess.run(
            [sys.executable, "-c", "\n".join(["import apsw, sqlite3, sqlite_lifeboat as lifeboat", *lines])],
            capture_output=True,
            text=True,
        )
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))

    def test_that_of_the_connection(self) -> None:
        self.runs(
            "lifeboat.save(apsw.Connection('wallet.db'), 'file:recovery.key', 'dir:disk/copy')", "lifeboat.log('dir:disk/copy')"
        )

    def test_one_that_has_it_already(self) -> None:
        self.runs(
            "db = apsw.Connection('wallet.db')",
            "db.enable_load_extension(True)",
            "db.load_extension(lifeboat.loadable_path())",
            "lifeboat.save('wallet.db', 'file:recovery.key', 'dir:disk/copy')",
        )

    @unittest.skipUnless(CAN_LOAD, "this Python's sqlite3 cannot load extensions")
    def test_without_apsw(self) -> None:
        self.runs("import sys; sys.modules['apsw'] = None", "lifeboat.save('wallet.db', 'file:recovery.key', 'dir:disk/copy')")

    def test_none(self) -> None:
        self.runs(
            "import sys; sys.modules['apsw'] = sys.modules['sqlite3'] = None",
            "try: lifeboat.log('dir:disk/copy')",
            "except lifeboat.UnsupportedError as error: assert 'log: ' in str(error) and 'pip install apsw' in str(error), error",
        )


class Interruptions(Live):
    """Control-C ends each call that waits, and leaves what it found."""

    def setUp(self) -> None:
        super().setUp()
        # A store that takes connections, and never answers.
        silent = socket.socket()
        self.addCleanup(silent.close)
        silent.bind(("127.0.0.1", 0))
        silent.listen(50)
        self.silent = f"s3://bucket/x?endpoint=http://127.0.0.1:{silent.getsockname()[1]}&region=us-east-1"
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            os.environ[name] = "x"
            self.addCleanup(os.environ.pop, name)

    def interrupted(self, call: Call) -> float:
        """Interrupts the call after a moment, and tells how long it went on."""
        sent: list[float] = []

        def send() -> None:
            sent.append(time.monotonic())
            os.kill(os.getpid(), signal.SIGINT)

        timer = threading.Timer(0.15, send)
        timer.start()
        try:
            call()
        finally:
            timer.join()
        self.fail("it ended by itself")

    def test_control_c(self) -> None:
        silent, key = self.silent, self.file
        calls: list[Call] = [
            lambda: lifeboat.save(self.db, key, silent),
            lambda: lifeboat.save("wallet.db", key, silent),
            lambda: lifeboat.restore("new.db", silent, key),
            lambda: lifeboat.restore_all(silent, key, "all"),
            lambda: lifeboat.log(silent, key),
            lambda: lifeboat.status(self.db, silent, key),
            lambda: lifeboat.scrub(silent, key),
            lambda: lifeboat.prune(silent, key, keep={"last": 1}),
        ]
        for number, call in enumerate(calls):
            before = signal.set_wakeup_fd(-1)
            began = time.monotonic()
            with self.subTest(number), self.assertRaises(KeyboardInterrupt) as raised:
                self.interrupted(call)
            self.assertLess(time.monotonic() - began, 4)
            self.assertIsNone(raised.exception.__context__)
            self.assertEqual(signal.set_wakeup_fd(before), -1)
            self.assertNotIn("lifeboat", [thread.name for thread in threading.enumerate()])
        self.assertFalse(os.path.exists("new.db"))
        # The connection goes on.
        self.assertEqual(lifeboat.save(self.db, self.file, self.stores, domain="after").done, 2)

    def test_a_handler_that_raises_nothing(self) -> None:
        seen: list[int] = []
        before = signal.signal(signal.SIGINT, lambda number, frame: seen.append(number))
        self.addCleanup(signal.signal, signal.SIGINT, before)
        reader, writer = socket.socketpair()
        self.addCleanup(reader.close)
        self.addCleanup(writer.close)
        writer.setblocking(False)
        self.addCleanup(signal.set_wakeup_fd, signal.set_wakeup_fd(writer.fileno()))
        with self.assertRaisesRegex(lifeboat.InterruptError, "interrupted: save: "):
            self.interrupted(lambda: lifeboat.save(self.db, self.file, self.silent))
        self.assertEqual(seen, [signal.SIGINT])
        # Who waited for signals before is told, too.
        self.assertEqual(reader.recv(10), bytes([signal.SIGINT]))

    def test_from_another_thread(self) -> None:
        threading.Timer(0.15, self.db.interrupt).start()
        with self.assertRaisesRegex(lifeboat.InterruptError, "interrupted: save: "):
            lifeboat.save(self.db, self.file, self.silent)

    def test_the_timeout(self) -> None:
        self.refused(lifeboat.UnreachableError, lambda: lifeboat.save(self.db, self.file, self.silent, timeout=0.3), "save: ")


if __name__ == "__main__":
    unittest.main()
