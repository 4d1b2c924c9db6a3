"""Calls the SQL functions of the extension: on a connection of the caller, on a database file, or beside any."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Optional, Union

from . import _extension
from ._arguments import path_of
from ._errors import BusyError, CorruptError, Error, HostError, MisuseError, TooBigError, as_error
from ._extension import Database, cannot_load, load
from ._interrupt import interruptible

#: An open connection of `sqlite3` or `apsw`, or the path of a database file, which is opened for the call alone.
AnyDatabase = Union[Database, str, "os.PathLike[str]"]

# Seconds that a file which is opened for a call waits for the locks of others.
_PATIENCE = 5

# What the functions of this package are called, where it is not the name in SQL without its prefix.
_NAMES = {"export_file": "export", "restore_file": "recover"}
_OWN = {
    "events", "export", "keygen", "log", "protect", "prune", "read_key", "recover", "restore", "restore_all", "save", "scrub",
    "status", "unprotect", "verify", "verify_key", "write_key",
}  # fmt: skip
# Not a part of a path or of a longer word. A full stop may end a sentence.
_FUNCTION = re.compile(r"(?<![\w\-./'\"\\])backup_([a-z_]+)(?![\w\-/'\"\\]|\.\w)")
_OPTION = re.compile(r'"(\w+)": true\b')


def call(function: str, db: Optional[AnyDatabase], sql: str, arguments: Sequence[object], create: bool = False) -> list[Any]:
    """The rows of a query, in errors called after the function of this package. `db`: None for a query that needs no database.
    `create`: a file that is missing is made."""
    place = f"'{os.fspath(db)}': " if isinstance(db, (str, os.PathLike)) else ""
    with connection(function, db, create) as connected:
        return run(function, connected, sql, arguments, place)


def run(function: str, db: Database, sql: str, arguments: Sequence[object], place: str = "") -> list[Any]:
    """The rows of a query on an open connection, which gets the extension if it has it not. `place`: what errors of SQLite itself
    begin with."""
    try:
        with interruptible(db.interrupt):
            rows, failed = _rows(db, sql, arguments)
            if failed is not None and re.search(r"no such (function|table): backup_", str(failed)):
                load(db)
                rows, failed = _rows(db, sql, arguments)
    except KeyboardInterrupt as stop:
        # What SQLite said of it is no cause.
        stop.__context__ = None
        raise
    except Error as error:
        raise type(error)(f"{function}: {error.message}") from None
    except Exception as error:
        failed, rows = error, []
    if failed is None:
        return rows
    raise _typed(function, failed, place) from None


def report(function: str, db: Optional[AnyDatabase], arguments: Sequence[object], create: bool = False) -> dict[str, Any]:
    """The JSON object of `backup_FUNCTION`."""
    ((text,),) = call(function, db, query(function, arguments), arguments, create)
    found: dict[str, Any] = json.loads(text)
    return found


def query(function: str, arguments: Sequence[object]) -> str:
    """The query that calls `backup_FUNCTION`."""
    name = {own: sql for sql, own in _NAMES.items()}.get(function, function)
    return f"SELECT backup_{name}({', '.join('?' * len(arguments))})"


def given(function: str, db: Optional[AnyDatabase]) -> AnyDatabase:
    """The database, for a function that cannot do without one."""
    if db is None:
        raise MisuseError(f"{function}: the database is None; give a connection of sqlite3 or apsw, or the path of its file")
    return db


def options_of(options: Mapping[str, object]) -> Optional[str]:
    """A JSON object of those that were given; None without any."""
    given = {name: value for name, value in options.items() if value is not None}
    try:
        return json.dumps(given, default=_plain) if given else None
    except (TypeError, ValueError) as error:
        raise MisuseError(f"an option has a value that JSON does not know: {error}") from None


def _plain(value: object) -> object:
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"one of the type {type(value).__name__}")


def _rows(db: Database, sql: str, arguments: Sequence[object]) -> tuple[list[Any], Optional[Exception]]:
    """The rows, or what went wrong: a handler of a signal may have to run before that is told."""
    try:
        cursor = db.cursor()
        # Rows as they are, whatever the connection makes of them for its owner.
        for name in ("row_factory", "row_trace", "exec_trace"):
            if hasattr(cursor, name):
                setattr(cursor, name, None)
        try:
            cursor.execute(sql, tuple(arguments))
            return cursor.fetchall(), None
        finally:
            cursor.close()
    except Exception as error:
        return [], error


def _typed(function: str, error: BaseException, place: str = "") -> Error:
    """The error of this package for one of a connection."""
    found = as_error(error)
    if found is not None:
        return type(found)(f"{function}: {_words(found.message.partition(': ')[2])}")
    said = f"{function}: {place}{error}".rstrip(".")
    kind = type(error).__name__
    if kind in ("ProgrammingError", "ConnectionClosedError", "ThreadingViolationError", "CursorClosedError"):
        return MisuseError(f"{said}; give a connection that is open, and that this thread may use")
    if "database is locked" in said or "database table is locked" in said:
        return BusyError(f"{said}; try again")
    if "file is not a database" in said or "disk image is malformed" in said:
        return CorruptError(f"{said}; use another copy of it")
    if isinstance(error, MemoryError):
        return TooBigError(f"{function}: there is no memory left")
    if isinstance(error, (AttributeError, TypeError)):
        return MisuseError(f"{function}: this is no open connection of sqlite3 or apsw, nor the path of a database ({error})")
    return HostError(said)


def _words(message: str) -> str:
    """A message with the names that functions and options have here."""

    def named(found: re.Match[str]) -> str:
        name = _NAMES.get(found[1], found[1])
        return name if name in _OWN else found[0]

    message = _FUNCTION.sub(named, message).replace("option `continue`", "option `continue_from`")
    return _OPTION.sub(r"\1=True", message)


@contextmanager
def connection(function: str, db: Optional[AnyDatabase], create: bool = False) -> Generator[Database, None, None]:
    """The connection of the caller, or one that is closed again."""
    if db is not None and not isinstance(db, (str, bytes, os.PathLike)):
        if not (hasattr(db, "cursor") and hasattr(db, "interrupt")):
            kind = f"of the type {type(db).__name__}"
            raise MisuseError(
                f"{function}: the database is {kind}; give a connection of sqlite3 or apsw, or the path of its file"
            )
        yield db
        return
    path = None if db is None else database_path(function, db, create)
    is_new = path is not None and create and not os.path.exists(path)
    opened = open_database(function, path, create)
    is_done = False
    try:
        yield opened
        is_done = True
    finally:
        opened.close()
        if is_new and not is_done:
            _remove_empty(str(path))


def database_path(function: str, db: object, create: bool) -> str:
    """The path of a database, as it was given."""
    try:
        path = path_of(db, "the database")
    except MisuseError as error:
        raise MisuseError(f"{function}: {error.message}") from None
    if path == ":memory:":
        raise MisuseError(f"{function}: ':memory:' would be a new and empty database; give your connection")
    if os.path.isdir(path):
        raise MisuseError(f"{function}: '{path}' is a directory; give the path of a database")
    if not create and not os.path.exists(path):
        raise HostError(f"{function}: there is no database '{path}'; give the path of one that exists")
    return path


def open_database(function: str, path: Optional[str], create: bool, any_thread: bool = False) -> Database:
    """Opens a file, or a database in memory for None, with the extension: by `sqlite3`, or where that cannot load it, by `apsw`."""
    modules = sorted(("sqlite3", "apsw"), key=lambda module: module != _extension.home())
    refused: Optional[Error] = None
    for module in modules:
        opened: Optional[Database] = None
        try:
            opened = _connect(module, path, create, any_thread)
            if opened is None:
                continue
            load(opened)
            return opened
        except Exception as error:
            if opened is not None:
                opened.close()
            refused = error if isinstance(error, Error) else _typed(function, error)
            # Another library of this process has the extension, by a way of its own.
            if "another SQLite library in this process" not in str(error):
                break
    if refused is None:
        refused = cannot_load()
    where = "" if path is None or f"'{path}'" in refused.message else f"'{path}': "
    head = f"{function}: "
    raise type(refused)(f"{head}{where}{refused.message.removeprefix(head)}")


def _connect(module: str, path: Optional[str], create: bool, any_thread: bool) -> Optional[Database]:
    """A connection; None where this Python has no such module, or one that loads no extensions."""
    if module == "sqlite3":
        try:
            import sqlite3
        except ImportError:
            return None
        if not hasattr(sqlite3.Connection, "enable_load_extension"):
            return None
        name = ":memory:" if path is None else f"{_uri(path)}?mode={'rwc' if create else 'rw'}"
        return sqlite3.connect(name, uri=True, isolation_level=None, timeout=_PATIENCE, check_same_thread=not any_thread)
    try:
        import apsw
    except ImportError:
        return None
    if path is None:
        return apsw.Connection(":memory:")
    flags = apsw.SQLITE_OPEN_READWRITE | (apsw.SQLITE_OPEN_CREATE if create else 0)
    opened = apsw.Connection(os.path.abspath(path), flags=flags)
    opened.set_busy_timeout(1000 * _PATIENCE)
    return opened


def _uri(path: str) -> str:
    """A URI that cannot create what it should not, whatever characters are in the path."""
    uri = Path(os.path.abspath(path)).as_uri()
    if sys.platform == "win32" and not uri.startswith("file:///"):
        # SQLite knows no names of machines in a URI, and takes \\machine\share as a path.
        return "file:////" + uri[len("file://") :]
    return uri


def _remove_empty(path: str) -> None:
    """Removes the file that this call made, and put nothing into."""
    try:
        if os.path.getsize(path) == 0:
            os.unlink(path)
    except OSError:
        pass
