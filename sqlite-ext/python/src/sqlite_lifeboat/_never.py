"""What a database never takes the place of, whatever the options say. The extension has the same rules and words."""

from __future__ import annotations

import os
import re
import stat
from typing import Optional

from ._errors import HostError, MisuseError

# A file up to this size is searched for a recovery key.
_SEARCHED = 1 << 20
# Windows has the last one alone, and no files that make an opener wait.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
# More than the head of a bundle, of a ledger, and of a database.
_START = 4096

_DATABASE = b"SQLite format 3\0"
# The beginning of a bundle and of a ledger, the same in every revision.
_BUNDLE = b"\xd9\xd9\xf7\x86\x68lifeboat"
_LEDGER = b"\xd9\xd9\xf7\x86\x68lbledger"
# The first bytes of a write-ahead log, in either order of bytes, and of a rollback journal that has something to roll back.
_JOURNALS = (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83", b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7")

_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def refuse(path: str, shown: str, sources: list[str], key_file: Optional[str]) -> Optional[os.stat_result]:
    """What is at the path, None if there is nothing. Raises `MisuseError` when a database may never take its place, and
    `HostError` when that cannot be told. `sources` and `key_file`: what is read. `shown`: the path in messages."""
    try:
        found = _stat(path)
        if found is not None and not stat.S_ISREG(found.st_mode):
            kind = _KINDS.get(stat.S_IFMT(found.st_mode), "something else")
            raise MisuseError(f"'{shown}' is {kind}, not a regular file; give the path of a file")
        never = _why_never(path, found, sources, key_file)
    except OSError as error:
        unknown = f"'{shown}' cannot be read, so that nobody can tell what is there: {error.strerror}"
        raise HostError(f"{unknown}; give another path") from None
    if never is not None:
        raise MisuseError(f"'{shown}' {never}; give another path")
    for suffix in ("-journal", "-wal"):
        if os.path.lexists(path + suffix):
            raise MisuseError(
                f"'{shown}{suffix}' belongs to a database that was not closed: close its program, or move the journal away "
                "with its database; SQLite would play it into the new one"
            )
    return found


def _why_never(path: str, found: Optional[os.stat_result], sources: list[str], key_file: Optional[str]) -> Optional[str]:
    journal = "belongs to a database: SQLite would take what is written there for its journal"
    if found is not None:
        if key_file is not None and _is_same(found, key_file):
            return "is the file with the recovery key and is never replaced"
        if any(_is_same(found, source) for source in sources):
            return "is the target, and a bundle that is read, too, which would be lost"
        start = _start(path, found.st_size)
        if start.startswith(_JOURNALS):
            return journal
        if start.startswith(_BUNDLE):
            return "is a bundle and is never replaced by a database"
        if start.startswith(_LEDGER):
            return "is a ledger and is never replaced by a database"
        if not start.startswith(_DATABASE) and holds_key(start):
            return "holds a recovery key and is never replaced"
    for suffix in ("-wal", "-shm", "-journal"):
        database = path[: -len(suffix)]
        if path.endswith(suffix) and os.path.isfile(database) and _start(database, len(_DATABASE)) == _DATABASE:
            return journal
    return None


def holds_key(content: bytes) -> bool:
    """Whether a secret key, or most of one, stands in these bytes: as it is made, in groups, or in two bytes for each
    character."""
    compact = re.sub(rb"[^0-9A-Za-z]+", b"", content).lower()
    return any(prefix in compact for prefix in (b"lifeboatkey1", b"lifeboatwrite1", b"lifeboatread1"))


def _stat(path: str) -> Optional[os.stat_result]:
    try:
        return os.lstat(path)
    except FileNotFoundError:
        return None


def _is_same(found: os.stat_result, path: str) -> bool:
    try:
        return os.path.samestat(found, os.stat(path))
    except OSError:
        return False


def _start(path: str, size: int) -> bytes:
    # What it is may change between the two looks: then opening must not wait.
    descriptor = os.open(path, _FLAGS)
    with open(descriptor, "rb") as file:
        return file.read(size if size <= _SEARCHED else _START)
