"""The loadable extension, for connections of `sqlite3` and `apsw`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Optional, Protocol

from ._errors import MisuseError, UnsupportedError


class Connection(Protocol):
    """What `load` needs of a connection: those of `sqlite3` and `apsw` have it."""

    def enable_load_extension(self, enable: bool, /) -> None: ...

    def load_extension(self, name: str, /) -> None: ...


class Database(Connection, Protocol):
    """What the other functions need besides."""

    def cursor(self) -> Any: ...

    def interrupt(self) -> None: ...

    def close(self) -> None: ...


#: The module whose SQLite has the extension in this process, as far as this package knows.
_home: Optional[str] = None


def home() -> Optional[str]:
    """`sqlite3` or `apsw`, where a connection of it was loaded."""
    return _home


def loadable_path() -> str:
    """The path of the extension, without the ending that each system gives it: for `load_extension` of any host."""
    # As each system calls a library: lifeboat.dll, and liblifeboat.so or liblifeboat.dylib.
    return str(Path(__file__).with_name("lifeboat" if sys.platform == "win32" else "liblifeboat"))


def module_of(connection: object) -> Optional[str]:
    """`sqlite3` or `apsw`, if it is a connection of them."""
    for base in type(connection).__mro__:
        module = base.__module__.partition(".")[0].lstrip("_")
        if module in ("sqlite3", "apsw") and base.__name__ == "Connection":
            return module
    return None


def load(connection: Connection) -> None:
    """Loads the extension into the connection, which then has the SQL functions `backup_export` and the rest.

    Where loading is not enabled (`enable_load_extension`), it is for this call alone. The functions of this package that take
    a database load it by themselves.

    `MisuseError`: this is no connection. `UnsupportedError`: this Python's `sqlite3` cannot load extensions. Errors of the
    connection's own module: SQLite is too old, or the extension does not fit this system.
    """
    global _home
    if not hasattr(connection, "enable_load_extension"):
        if not any(base.__module__ in ("sqlite3", "_sqlite3") for base in type(connection).__mro__):
            given = "None" if connection is None else f"of the type {type(connection).__name__}"
            raise MisuseError(f"the connection is {given}; give an open one of sqlite3 or apsw, such as sqlite3.connect(path)")
        raise cannot_load()
    try:
        connection.load_extension(loadable_path())
    except Exception as error:
        if not str(error).endswith("not authorized"):
            raise
        connection.enable_load_extension(True)
        try:
            connection.load_extension(loadable_path())
        finally:
            connection.enable_load_extension(False)
    _home = module_of(connection) or _home


def cannot_load() -> UnsupportedError:
    """This Python's `sqlite3` cannot, and what to do."""
    return UnsupportedError(
        "the sqlite3 module of this Python was built without loadable extensions; use another Python (those of Linux "
        "distributions, Homebrew and conda can; pyenv needs PYTHON_CONFIGURE_OPTS=--enable-loadable-sqlite-extensions "
        "when it builds one), or connect with apsw (pip install apsw). sqlite_lifeboat.recover and sqlite_lifeboat.verify "
        "work here"
    )
