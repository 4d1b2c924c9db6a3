"""`python -m sqlite_lifeboat`, as people type it."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import sqlite_lifeboat as lifeboat

from .scene import Scene, connect

COMMAND = [sys.executable, "-m", "sqlite_lifeboat"]


class CommandLine(Scene):
    def run_command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Without a terminal."""
        return subprocess.run(
            [*COMMAND, *arguments], cwd=self.here, capture_output=True, text=True, stdin=subprocess.DEVNULL, start_new_session=True
        )

    def ok(self, *arguments: str) -> str:
        ended = self.run_command(*arguments)
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))
        return ended.stdout

    def refused(self, code: int, *arguments: str) -> str:
        """Ends with this code and one line, or with what argparse says."""
        ended = self.run_command(*arguments)
        self.assertEqual((ended.returncode, ended.stdout), (code, ""), ended.stderr)
        if code == 1:
            self.assertRegex(ended.stderr, r"\Asqlite-lifeboat: [a-z ]+: [^\n]+\n\Z")
        self.assertNotIn("Traceback", ended.stderr)
        return ended.stderr

    def key_file(self) -> str:
        return str(self.shared / "app.key")

    def test_recover(self) -> None:
        said = self.ok("recover", *self.chain, "--key-file", self.key_file(), "--out", "new.db", "--page-size", "1024")
        self.assertIn("recovered    ", said)
        self.assert_equal(self.shared / "app.db", self.path("new.db"))
        refused = self.refused(1, "recover", *self.chain, "--key-file", self.key_file(), "--out", "new.db")
        self.assertIn("'new.db' already exists", refused)
        arguments = [self.chain[0], "--key-file", self.key_file(), "--out", "new.db", "--replace", "--json"]
        report = json.loads(self.ok("recover", *arguments))
        self.assertEqual(report["size"], os.path.getsize(self.path("new.db")))
        self.assert_holds("new.db")

    def test_verify_and_info(self) -> None:
        said = self.ok("verify", *self.chain)
        self.assertIn(f"bundle       {self.chain[1]}\n", said)
        self.assertIn("chain        3 bundles", said)
        state = json.loads(self.ok("verify", *self.chain, "--json"))["state-id"]
        self.assertEqual(state, lifeboat.verify(self.chain).report.state_id)
        self.ok("verify", *self.chain, "--expect", state, "--key-file", self.key_file())
        self.assertIn("table        keyed (2 rows)", self.ok("info", *self.chain, "--key-file", self.key_file()))
        self.assertIn("mismatch", self.refused(1, "verify", *self.chain, "--expect", "0" * 64))
        self.assertIn("truncated", self.refused(1, "verify", self.write("cut", Path(self.chain[0]).read_bytes()[:99])))
        self.assertIn("host: the bundle 'none' cannot be read", self.refused(1, "verify", "none"))

    def test_rows(self) -> None:
        lines = [json.loads(line) for line in self.ok("rows", *self.chain, "--key-file", self.key_file()).splitlines()]
        self.assertEqual(len([line for line in lines if isinstance(line, list)]), 24)
        self.assertEqual(lines[-1]["summary"]["user-version"], 7)
        refused = subprocess.run(
            [*COMMAND, "rows", self.changed(self.chain[0], 1000), "--key-file", self.key_file()], capture_output=True, text=True
        )
        self.assertEqual(refused.returncode, 1)
        self.assertNotIn("summary", refused.stdout)

    def test_salvage(self) -> None:
        """Of damaged bundles it gives what they still prove, and the exit code says that it is not all."""
        content = bytearray(Path(self.chain[0]).read_bytes())
        content[len(content) // 2] ^= 4
        damaged = self.write("damaged.bundle", bytes(content))
        self.assertIn("corrupt", self.refused(1, "info", damaged, "--key-file", self.key_file()))
        for arguments in (["info", damaged], ["rows", damaged], ["recover", damaged, "--out", "new.db"]):
            ended = self.run_command(*arguments, "--salvage", "--key-file", self.key_file())
            self.assertEqual(ended.returncode, 10, ended.stderr)
            self.assertRegex(ended.stderr, r"\Asqlite-lifeboat: incomplete: [1-9][^\n]* of the state (is|are) missing[^\n]*\n\Z")
            self.assertIn("missing", ended.stdout)
        salvaged = lifeboat.info(damaged, f"file:{self.key_file()}", salvage=True)
        report = json.loads(self.run_command("info", damaged, "--salvage", "--json", "--key-file", self.key_file()).stdout)
        self.assertEqual((report["missing"], report["salvaged"]), (list(salvaged.missing), True))
        self.ok("info", *self.chain, "--salvage", "--key-file", self.key_file())
        said = self.refused(1, "rows", damaged, "--salvage", "--expect", "0" * 64, "--key-file", self.key_file())
        self.assertIn("--salvage and --expect exclude one another", said)
        self.assertIn("unrecognized arguments", self.refused(2, "verify", damaged, "--salvage"))
        self.assert_holds("damaged.bundle", "new.db")

    def test_a_reader_that_leaves(self) -> None:
        command = [*COMMAND, "rows", self.chain[0], "--key-file", self.key_file()]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None and process.stderr is not None
            process.stdout.read(1)
            process.stdout.close()
            self.assertEqual(process.stderr.read(), "sqlite-lifeboat: host: the standard output was closed\n")
        self.assertEqual(process.returncode, 1)

    def test_mistakes(self) -> None:
        for arguments in [
            [],
            ["restore", "a"],
            ["recover", self.chain[0]],
            ["verify"],
            ["verify", self.chain[0], "--key-file", "k", "--verify-key", "v"],
            ["info", self.chain[0], "--timeout", "soon"],
        ]:
            self.assertIn("usage: sqlite-lifeboat", self.refused(2, *arguments))
        self.assertIn("no terminal to ask", self.refused(2, "info", self.chain[0]))
        for option in ("--key-fil=k", "--expec=x", "--jso", "--ask"):
            self.assertIn("unrecognized arguments", self.refused(2, "verify", self.chain[0], option))
        self.assertIn("'none.key' cannot be read", self.refused(1, "info", self.chain[0], "--key-file", "none.key"))
        self.assertIn("exit codes:", self.ok("--help"))
        self.assertEqual(self.ok("--version"), f"sqlite-lifeboat {lifeboat.__version__}\n")

    def test_a_key_on_the_command_line(self) -> None:
        """It is refused with the remedy, wherever it stands, and not shown again."""
        body = self.key[12:]
        for arguments in [
            ["recover", self.chain[0], "--key", self.key, "--out", "new.db"],
            ["recover", self.chain[0], f"--key={self.key}", "--out", "new.db"],
            ["recover", self.chain[0], "--key", body, "--out", "new.db"],
            ["recover", self.chain[0], "--key-file", self.key.upper(), "--out", "new.db"],
            ["recover", self.chain[0], "--key-file", self.key_file(), "--out", self.key],
            ["info", " ".join(self.key), "--key-file", self.key_file()],
            ["verify", self.chain[0], "--verify-key", self.key],
            ["verify", self.chain[0], "--expect", body],
            [self.key],
        ]:
            said = self.refused(2, *arguments)
            self.assertIn("does not belong on the command line", said)
            self.assertIn("--key-file FILE", said)
            self.assertNotIn(body[10:], said.lower().replace(" ", ""))
        self.assertIn("--key-file FILE", self.refused(2, "recover", self.chain[0], "--key", "app.key", "--out", "new.db"))
        verify_key = lifeboat.verify(self.chain[0]).report.verify_key
        self.ok("verify", self.chain[0], "--verify-key", verify_key)
        self.assert_holds()

    def test_reindex(self) -> None:
        said = self.ok("recover", *self.chain, "--key-file", self.key_file(), "--out", "new.db", "--reindex")
        self.assertRegex(said, r"\nreindexed    by SQLite 3\.[0-9.]+\nto do        SQLite .* the stored column all values.twice\. ")
        said = self.ok("recover", *self.chain, "--key-file", self.key_file(), "--out", "other.db")
        self.assertRegex(said, r"\nto do        SQLite .* the index words and the stored column all values.twice\. .*run REINDEX")
        self.assertNotIn("reindexed", said)
        self.assert_equal(self.path("new.db"), self.path("other.db"))

    def test_the_versions_agree(self) -> None:
        db = connect(":memory:")
        ((version,),) = list(db.execute("SELECT backup_version() ->> 'version'"))
        db.close()
        self.assertEqual(version, lifeboat.__version__)

    def test_at_a_terminal(self) -> None:
        """The key is asked for and not shown; progress is."""
        child, terminal = pty.fork()
        if child == 0:
            os.chdir(self.here)
            os.execv(COMMAND[0], [*COMMAND, "recover", self.chain[0], "--out", "new.db"])
        said = b""
        deadline = time.monotonic() + 60
        asked = False
        while time.monotonic() < deadline:
            if select.select([terminal], [], [], 1)[0]:
                try:
                    piece = os.read(terminal, 4096)
                except OSError:  # the child has closed its side
                    break
                said += piece
                if not asked and b"Recovery key: " in said:
                    asked = True
                    os.write(terminal, self.key.encode() + b"\n")
        os.close(terminal)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0, said)
        self.assertNotIn(self.key.encode(), said)
        self.assertIn(b"\r\033[Kreading 100%", said)
        self.assertIn(b"\r\033[Kverdict      complete", said)
        self.assert_equal(self.path("new.db"), self.path("new.db"))
        self.assert_holds("new.db")

    def test_a_signal(self) -> None:
        db = connect(self.path("large.db"))
        list(db.execute("CREATE TABLE noise(x)"))
        counting = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 300000) "
        list(db.execute(counting + "INSERT INTO noise(x) SELECT randomblob(100) FROM n"))
        self.export(db, self.path("large.bundle"))
        db.close()
        command = [*COMMAND, "recover", "large.bundle", "--key-file", self.key_file(), "--out", "new.db"]
        for number, code in 3 * [(signal.SIGINT, 130), (signal.SIGTERM, 143)]:
            with subprocess.Popen(command, cwd=self.here, stderr=subprocess.PIPE, text=True) as process:
                # The work has begun when its directory is there.
                deadline = time.monotonic() + 60
                while len(os.listdir(self.here)) < 3 and time.monotonic() < deadline:
                    time.sleep(0.005)
                self.assertEqual(len(os.listdir(self.here)), 3)
                # Neither the arguments nor the environment of the process have the key.
                for name in ("cmdline", "environ"):
                    self.assertNotIn(self.key.encode(), Path(f"/proc/{process.pid}/{name}").read_bytes())
                process.send_signal(number)
                assert process.stderr is not None
                said = process.stderr.read()
            self.assertEqual((process.returncode, "Traceback" in said), (code, False), said)
            self.assert_holds("large.bundle", "large.db")
