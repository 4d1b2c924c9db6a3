#!/usr/bin/env python3
"""results.py [--all] COMMAND...: what the command `lifeboat` makes of fixed inputs, one line for each result.

COMMAND is the program, with what runs it before it: `qemu-aarch64 dist/release/linux-arm64-musl/lifeboat`. Each
platform must print the same: bundles, deltas, restored states, whole stores and the texts of errors, byte for byte.
The last line is the hash of all others. What the system says in its own words is no result.
"""

import hashlib
import json
import os
import random
import re
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
# The key of the vectors and of the golden bundles.
KEY = "lifeboatkey1qypqxpq9qcrsszg2pvxq6rs0zqg3yyc5z5tpwxqergd3c8g7rusq693l86"
OTHER = "lifeboatkey1frhf6q2uppj45k0j34gnlm4ep8036yuvul8vyw5hapqpwxjelkrsgvspas"
# Of reports: where files are, what is free on a disk, and the build.
LOCAL = {"local", "free", "build", "uuid"}

SCHEMA = {
    "tokens": "CREATE TABLE tokens(id INTEGER PRIMARY KEY AUTOINCREMENT, token TEXT UNIQUE, worth REAL, paid BLOB);"
    "CREATE INDEX by_worth ON tokens(worth DESC) WHERE worth > 10; CREATE VIEW rich AS SELECT * FROM tokens WHERE worth > 99;"
    "PRAGMA user_version = 7; PRAGMA application_id = 1280",
    "keyed": "CREATE TABLE keyed(name TEXT COLLATE NOCASE, at INTEGER, value, PRIMARY KEY(name, at DESC)) WITHOUT ROWID;"
    "CREATE TABLE sized(a ANY, b TEXT AS (a || '!') STORED) STRICT;"
    "CREATE TRIGGER t AFTER INSERT ON keyed BEGIN SELECT 1; END",
    "wide": "PRAGMA encoding = 'UTF-16be'; CREATE TABLE \"größe\"(\"a b\", c)",
    "empty": "PRAGMA user_version = 1",
}


def rows(name: str, count: int) -> list[tuple[str, tuple[Any, ...]]]:
    """The same rows on each machine: whole numbers decide, and each number of them is exact."""
    numbers = random.Random(name)
    whole = numbers.getrandbits
    found: list[tuple[str, tuple[Any, ...]]] = []
    for at in range(count):
        if name == "tokens":
            blob = whole(8 * (1 + at % 60)).to_bytes(1 + at % 60, "little")
            values = (f"token {whole(64):016x}", whole(12) / 64, blob if at % 3 else None)
            found.append(("INSERT INTO tokens(token, worth, paid) VALUES (?, ?, ?)", values))
        elif name == "keyed":
            found.append(("INSERT INTO keyed VALUES (?, ?, ?)", (f"n{at % 97}", whole(63) - 2**62, "é" * (at % 9))))
            found.append(("INSERT INTO sized(a) VALUES (?)", ((at, at / 4, "x", b"\0\xff", None)[at % 5],)))
        elif name == "wide":
            found.append(('INSERT INTO "größe" VALUES (?, ?)', (chr(0x1F600 + at % 64) * (at % 5), whole(16))))
    return found


class Trial:
    """A directory in which the command runs, and its results."""

    def __init__(self, command: list[str], directory: Path) -> None:
        self.command, self.directory = command, directory
        self.results: list[str] = []
        self.environment = dict(os.environ, LIFEBOAT_TRIAL_KEY=KEY, LIFEBOAT_OTHER_KEY=OTHER, WINEDEBUG="-all", LANG="C")

    def tell(self, name: str, value: str) -> None:
        self.results.append(f"{name}\t{value}")
        print(self.results[-1], flush=True)

    def run(self, name: str, *arguments: str, key: str | None = "LIFEBOAT_TRIAL_KEY") -> None:
        """One result: the report without what is local; or the code and the text of the error."""
        given = [*arguments, *(["--key-env", key] if key else [])]
        run = subprocess.run([*self.command, *given], cwd=self.directory, env=self.environment, capture_output=True)
        out, err = (text.decode().replace("\r\n", "\n") for text in (run.stdout, run.stderr))
        if "--json" in given:
            out = "\n".join(json.dumps(without(json.loads(line)), ensure_ascii=False) for line in out.splitlines())
        # The system's own words for an error are no result; and one program is called `lifeboat.exe`.
        err = re.sub(r"[^:;(]*\(os error \d+\)", " …", err)
        self.tell(name, f"{run.returncode} {short(out)}{short(err.replace('lifeboat.exe', 'lifeboat'))}")

    def file(self, name: str) -> None:
        self.tell(f"file {name}", digest((self.directory / name).read_bytes()))

    def tree(self, name: str) -> None:
        """The names and bytes of all files below."""
        for path in sorted(path for path in (self.directory / name).rglob("*") if path.is_file()):
            self.file(path.relative_to(self.directory).as_posix())

    def sql(self, name: str, statements: list[tuple[str, tuple[Any, ...]]], script: str = "") -> None:
        database = sqlite3.connect(self.directory / name)
        database.executescript(script)
        for statement, values in statements:
            database.execute(statement, values)
        database.commit()
        database.close()


def without(report: Any) -> Any:
    """A report without what differs from machine to machine."""
    if isinstance(report, dict):
        return {name: without(value) for name, value in report.items() if name not in LOCAL}
    return [without(value) for value in report] if isinstance(report, list) else report


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]


def short(text: str) -> str:
    """A short text stays, so that a difference can be read."""
    line = " / ".join(text.splitlines())
    return line if len(line) <= 200 else f"{line[:120]}… {digest(text.encode())}"


def keys(trial: Trial) -> None:
    (trial.directory / "secret").write_text("sixteen bytes of a secret, and more")
    trial.run("keygen", "keygen", "--secret-file", "secret", "--label", "notes", "--out", "made.key", key=None)
    trial.tell("made key", (trial.directory / "made.key").read_text().strip())
    for kind in ("write-key", "read-key"):
        trial.run(kind, kind, "--out", kind, "--domain", "d")
        trial.file(kind)
    trial.run("verify-key", "verify-key")


def bundles(trial: Trial) -> None:
    for name, script in SCHEMA.items():
        trial.sql(f"{name}.db", rows(name, 0 if name == "empty" else 1500), script)
        trial.run(f"export {name}", "export", f"{name}.db", "--out", f"{name}.bundle", "--json")
        trial.file(f"{name}.bundle")
        trial.run(f"again {name}", "export", f"{name}.db", "--out", f"{name}.bundle")
        trial.run(f"restore {name}", "restore", f"{name}.bundle", "--out", f"{name}.new.db", "--json")
        trial.run(f"export {name} anew", "export", f"{name}.new.db", "--out", f"{name}.new.bundle", "--json")
        trial.file(f"{name}.new.bundle")
        trial.run(f"info {name}", "info", f"{name}.bundle", "--json")
    for threads in ("1", "2", "3"):
        trial.run(f"export with {threads}", "export", "tokens.db", "--threads", threads, "--out", f"{threads}.bundle")
        trial.file(f"{threads}.bundle")


def deltas(trial: Trial) -> None:
    changes = [
        ("UPDATE tokens SET worth = -0.0, token = token || 'x' WHERE id % 97 = 0", ()),
        ("DELETE FROM tokens WHERE id BETWEEN 500 AND 600", ()),
        ("INSERT INTO tokens(id, worth) VALUES (?, ?)", (2**63 - 1, 9e999)),
    ]
    trial.sql("tokens.db", changes, "CREATE TABLE later(a)")
    trial.run("delta", "export", "tokens.db", "--out", "d1.bundle", "--base", "tokens.bundle", "--json")
    trial.file("d1.bundle")
    chain = ["tokens.bundle", "d1.bundle"]
    trial.run("verify chain", "verify", *chain, "--level", "restore", "--json")
    trial.run("diff", "diff", "--old", "tokens.bundle", "--new", *chain, "--json")
    trial.run("rows", "rows", "tokens", *chain, "--json", "--limit", "20")
    trial.run("compose", "compose", *chain, "--out", "whole.bundle", "--json")
    trial.file("whole.bundle")
    trial.run("restore chain", "restore", *chain, "--out", "chain.db", "--json")
    trial.run("tables", "tables", *chain)


def stores(trial: Trial) -> None:
    for name in ("disk", "stick"):
        (trial.directory / name).mkdir()
    places = ["dir:disk/copy", "dir:stick/copy"]
    for date in ("0", "86400"):
        trial.run(f"save at {date}", "save", "keyed.db", *places, "--date", date, "--writer", "w", "--json")
        trial.sql("keyed.db", [("DELETE FROM keyed WHERE name = 'n3'", ())])
    trial.run("log", "log", *places, "--json")
    trial.run("scrub", "scrub", *places, "--level", "restore", "--json")
    trial.tree("stick")
    trial.run("restore a copy", "restore", "dir:stick/copy", "--out", "back.db", "--json")
    trial.run("restore its first save", "restore", "dir:stick/copy#seq=1", "--out", "first.db", "--json")
    for path in sorted((trial.directory / "disk").rglob("bundles/*/*")):
        path.unlink()
    trial.run("scrub a lost copy", "scrub", *places, "--json")
    trial.run("heal it", "scrub", *places, "--repair", "--json")
    trial.tree("disk")
    trial.run("prune", "prune", *places, "--keep", "last=1", "--dry-run=false", "--json")
    trial.tree("disk")


def refusals(trial: Trial) -> None:
    whole = (trial.directory / "tokens.bundle").read_bytes()
    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 1
    for name, content in {"cut": whole[:-9], "bit": bytes(damaged), "none": b"", "text": b"hello, world\n" * 9}.items():
        (trial.directory / name).write_bytes(content)
        trial.run(f"verify {name}", "verify", name)
        trial.run(f"verify {name} without a key", "verify", name, key=None)
        trial.run(f"restore {name}", "restore", name, "--out", "refused.db")
    trial.run("salvage", "restore", "bit", "--out", "salvaged.db", "--salvage", "--json")
    trial.run("another key", "verify", "tokens.bundle", key="LIFEBOAT_OTHER_KEY")
    trial.run("no key", "verify", "tokens.bundle", "--level", "contents", key="LIFEBOAT_NO_KEY")
    trial.run("a delta alone", "restore", "d1.bundle", "--out", "refused.db")
    trial.run("a database in the way", "restore", "tokens.bundle", "--out", "tokens.db")
    trial.run("a bundle in the way", "export", "keyed.db", "--out", "tokens.bundle")
    trial.run("a text in the way", "export", "keyed.db", "--out", "text")
    trial.run("a directory in the way", "export", "keyed.db", "--out", "disk")
    trial.run("no database", "export", "text", "--out", "refused.bundle")
    # Nothing is there: a file in the place of a directory is another error on each system.
    trial.run("no store", "save", "keyed.db", "dir:nowhere/copy", "dir:nil/copy")
    trial.run("the same store", "save", "keyed.db", "dir:disk/copy", "dir:./disk/copy", "--json")
    trial.run("no command", "frobnicate", key=None)
    trial.tell("written", " ".join(path.name for path in sorted(trial.directory.glob("refused*"))))


def repository(trial: Trial, every: int) -> None:
    """The golden bundles, and the vectors that stand alone."""
    for path in sorted((ROOT / "core/tests/golden").glob("*.bundle")):
        (trial.directory / "golden").write_bytes(path.read_bytes())
        trial.run(f"golden {path.name}", "verify", "golden", "--json")
    vectors = sorted((ROOT / "core/tests/vectors").glob("*.vector"))
    for path in vectors[::every]:
        head, _, digits = path.read_text(encoding="utf-8").partition("\n\n")
        fields = dict(line.split(": ", 1) for line in head.splitlines())
        if "after" in fields or fields.get("form") == "ledger" or fields["key"] != KEY:
            continue
        (trial.directory / "vector").write_bytes(bytes.fromhex(digits.replace("\n", "")))
        trial.run(f"vector {fields['name']}", "verify", "vector", "--level", "contents")


def main() -> None:
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # type: ignore[union-attr]
    given = sys.argv[1:]
    every = 1 if given[:1] == ["--all"] else 9
    # Programs that are found here are not found in the directory of the trial.
    command = [str(Path(word).resolve()) if Path(word).is_file() else word for word in given[given[:1] == ["--all"] :]]
    with tempfile.TemporaryDirectory(prefix="lifeboat-") as directory:
        trial = Trial(command, Path(directory))
        keys(trial)
        bundles(trial)
        deltas(trial)
        stores(trial)
        refusals(trial)
        repository(trial, every)
    text = "".join(f"{line}\n" for line in trial.results)
    print(f"{len(trial.results)} results\t{digest(text.encode())}")


main()
