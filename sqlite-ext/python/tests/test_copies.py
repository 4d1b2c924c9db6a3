"""Copies of a series in the place of bundles, as `backup_save` makes them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import sqlite_lifeboat as lifeboat
from sqlite_lifeboat import Copies, HostError, MisuseError, Recovered, Summary, WrongKeyError

from .scene import Scene, connect, one

SAVES = 20


class InCopies(Scene):
    copy: str

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.copy = str(cls.shared / "copy")
        db = connect(cls.shared / "saved.db")
        list(db.execute("CREATE TABLE t(a)"))
        for number in range(1, SAVES + 1):
            list(db.execute(f"INSERT INTO t VALUES ({number})"))
            options = json.dumps({"date": f"2026-01-{number:02}T12:00:00Z", "label": f"save {number}"})
            one(db, "SELECT backup_save(?, ?, ?)", cls.key, f"dir:{cls.copy}", options)
        db.close()

    def lost(self, number: int) -> str:
        """A copy without the bundle of a save."""
        copy = self.path("lost")
        shutil.copytree(self.copy, copy)
        (sha256,) = [save.sha256 for save in lifeboat.saves(copy, self.key) if save.number == number]
        (bundle,) = Path(copy).glob(f"*/bundles/*/{sha256}")
        bundle.unlink()
        return copy

    def test_the_newest_and_others(self) -> None:
        recovered = lifeboat.recover(self.copy, self.key, self.path("new.db"))
        self.assertIsInstance(recovered, Recovered)
        series = recovered.summary.series
        assert series is not None
        self.assertEqual((series.save.number, series.save.label, series.older), (SAVES, f"save {SAVES}", False))
        self.assertEqual([(copy.directory, copy.standing) for copy in series.copies], [(self.copy, "current")])
        self.assert_equal(self.shared / "saved.db", self.path("new.db"))
        for chosen in ({"seq": 7}, {"at": "2026-01-07"}, {"state": self.state(7)}):
            summary = lifeboat.info(Copies(self.copy, **chosen), self.key)
            self.assertIsInstance(summary, Summary)
            assert summary.series is not None
            self.assertEqual((summary.series.save.number, summary.tables[0].rows), (7, 7))

    def state(self, number: int) -> str:
        return next(save.state_id for save in lifeboat.saves(self.copy, self.key) if save.number == number)

    def test_the_saves_are_listed(self) -> None:
        saves = list(lifeboat.saves(self.copy, self.key))
        self.assertEqual([save.number for save in saves], list(range(SAVES, 0, -1)))
        self.assertEqual((saves[-1].kind, saves[-1].date), ("full", "2026-01-01T12:00:00Z"))
        verify_key = lifeboat.info(self.copy, self.key).report.verify_key
        public = list(lifeboat.saves(self.copy, verify_key))
        self.assertEqual([save.sha256 for save in public], [save.sha256 for save in saves])
        self.assertEqual({save.date for save in public}, {None})
        with self.assertRaisesRegex(MisuseError, "give key or verify_key with a copy"):
            lifeboat.verify(self.copy)
        verified = lifeboat.verify(self.copy, verify_key=verify_key)
        assert verified.series is not None
        self.assertEqual((verified.series.save.number, verified.report.authentic), (SAVES, True))
        generator = lifeboat.rows(self.copy, self.key)
        counted = 0
        try:
            while True:
                counted += len(next(generator).rows)
        except StopIteration as end:
            self.assertEqual((counted, end.value.series.save.number), (SAVES, SAVES))

    def test_an_older_state_is_told(self) -> None:
        lost = self.lost(SAVES)
        series = lifeboat.recover(lost, self.key, self.path("new.db")).summary.series
        assert series is not None
        self.assertEqual((series.save.number, series.older), (SAVES - 1, True))
        ((number, save, why),) = [(left.number, left.save, left.why) for left in series.left_out]
        assert save is not None
        self.assertEqual((number, save.label), (SAVES, f"save {SAVES}"))
        self.assertRegex(why, r"\Athe bundle [0-9a-f]{64} of number 20 is in no copy\Z")
        both = lifeboat.recover(Copies(lost, self.copy), self.key, self.path("both.db")).summary.series
        assert both is not None
        self.assertEqual((both.save.number, both.older), (SAVES, False))

    def test_mistakes(self) -> None:
        os.makedirs(self.path("empty"))
        for given, error, words in [
            (self.path("empty"), HostError, "there is no copy"),
            (Copies(self.path("none")), HostError, "there is no such directory"),
            (Copies(self.copy, seq=99), HostError, "the newest is 20"),
            (Copies(self.copy, at="2020-01-01"), HostError, "the oldest save that is left is number 1"),
            (Copies(self.copy, at="soon"), MisuseError, "is no date"),
            ([self.copy, self.chain[0]], MisuseError, "not a regular file"),
        ]:
            with self.assertRaisesRegex(error, words):
                lifeboat.recover(given, self.key, self.path("new.db"))  # type: ignore[call-overload]
        for make in (lambda: Copies(), lambda: Copies("a", seq=1, at="2026-01-01"), lambda: Copies("a", seq=-1)):
            self.assertRaises(MisuseError, make)
        db = connect(":memory:")
        with self.assertRaisesRegex(WrongKeyError, "none with a record of this key"):
            lifeboat.info(self.copy, one(db, "SELECT backup_keygen()"))
        db.close()
        with self.assertRaisesRegex(MisuseError, "^misuse: salvage takes bundles"):
            lifeboat.info(self.copy, self.key, salvage=True)
        with self.assertRaisesRegex(MisuseError, "saves are in copies"):
            list(lifeboat.saves(self.chain[0], self.key))
        self.assert_holds("empty")

    def test_on_the_command_line(self) -> None:
        lost = self.lost(SAVES)

        def run(*arguments: str) -> subprocess.CompletedProcess[str]:
            command = [sys.executable, "-m", "sqlite_lifeboat", *arguments, "--key-file", str(self.shared / "app.key")]
            return subprocess.run(command, cwd=self.here, capture_output=True, text=True, stdin=subprocess.DEVNULL)

        ended = run("recover", self.copy, "--out", "new.db")
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))
        self.assertTrue(ended.stdout.startswith("save         number 20 of 2026-01-20T12:00:00Z\nverdict      complete"), ended.stdout)
        ended = run("recover", lost, "--out", "older.db")
        self.assertEqual(ended.returncode, 10, ended.stderr)
        self.assertIn("number 19 of 2026-01-19T12:00:00Z (OLDER than what was asked for)\nleft out     number 20 of", ended.stdout)
        self.assertRegex(ended.stderr, r"\Asqlite-lifeboat: incomplete: this is an older state, number 19 of [^\n]*\n\Z")
        ended = run("info", lost, self.copy, "--seq", "3", "--json")
        self.assertEqual((ended.returncode, json.loads(ended.stdout)["series"]["save"]["number"]), (0, 3), ended.stderr)
        ended = run("log", self.copy)
        self.assertEqual((ended.returncode, len(ended.stdout.splitlines())), (0, SAVES), ended.stderr)
        ended = run("log", self.copy, "--json")
        self.assertEqual([json.loads(line)["number"] for line in ended.stdout.splitlines()], list(range(SAVES, 0, -1)))
        ended = run("recover", self.chain[0], "--seq", "3", "--out", "x.db")
        self.assertEqual(ended.returncode, 1, ended.stderr)
