"""`recover`: what was exported comes back, or a reason; and nothing else is left."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Optional, Union

import lifeboat

from .scene import Scene, connect, one


class Recover(Scene):
    def refused(self, kind: type[lifeboat.Error], bundles: Union[str, list[str]], text: str, key: Optional[str] = None) -> None:
        """A recovery that ends with this error, whose text has `text`, and leaves nothing."""
        before = sorted(os.listdir(self.here))
        with self.assertRaises(kind) as raised:
            lifeboat.recover(bundles, key or self.key, self.path("new.db"))
        self.assertIn(text, str(raised.exception))
        for word in ("/bundles/", "/target/", "lifeboat-cli", "--", key or self.key):
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
        self.refused(lifeboat.MisuseError, str(self.here), "no regular file")
        self.refused(lifeboat.MisuseError, "a\0b", "UTF-8")
        self.refused(lifeboat.MisuseError, [], "at least one")
        with self.assertRaises(TypeError):
            lifeboat.recover(b"bytes", self.key, self.path("new.db"))  # type: ignore[arg-type]

    def test_no_chain(self) -> None:
        full, first, second = self.chain
        self.refused(lifeboat.MismatchError, first, "1.bundle")
        self.refused(lifeboat.MismatchError, [first, second], "this is a delta")
        self.refused(lifeboat.MismatchError, [full, second], "2.bundle")
        self.refused(lifeboat.MismatchError, [full, second, first], "bundle 2")
        self.refused(lifeboat.MismatchError, [full, full], "0.bundle")

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
        self.refused(lifeboat.MisuseError, self.chain[0], "is there and is not overwritten")
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
        def appear(phase: str, done: int, total: Optional[int]) -> None:
            if phase == "writing" and done == 0:
                self.write("new.db", b"theirs")

        with self.assertRaises(lifeboat.MisuseError):
            lifeboat.recover(self.chain[0], self.key, self.path("new.db"), progress=appear)
        self.assertEqual(Path(self.path("new.db")).read_bytes(), b"theirs")
        self.assert_holds("new.db")

    def test_it_is_for_its_owner_alone(self) -> None:
        lifeboat.recover(self.chain[0], self.key, self.path("new.db"))
        self.assertEqual(stat.S_IMODE(os.stat(self.path("new.db")).st_mode), 0o600)

    def test_too_little_memory(self) -> None:
        for memory in (0, 1 << 20, 33 << 20):
            with self.assertRaises(lifeboat.TooBigError):
                lifeboat.recover(self.chain[0], self.key, self.path("new.db"), max_memory=memory)
        self.assert_holds()
