"""The loadable extension, for connections of `sqlite3` and `apsw`."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from ._errors import MisuseError, UnsupportedError


class Connection(Protocol):
    """What `load` needs of a connection: those of `sqlite3` and `apsw` have it."""

    def enable_load_extension(self, enable: bool, /) -> None: ...

    def load_extension(self, name: str, /) -> None: ...


def loadable_path() -> str:
    """The path of the extension, without the ending that each system gives it: for `load_extension` of any host."""
    return str(Path(__file__).with_name("liblifeboat"))


def load(connection: Connection) -> None:
    """Loads the extension into the connection, which then has the SQL functions `backup_export` and the rest.

    Where loading is not enabled (`enable_load_extension`), it is for this call alone.

    `MisuseError`: this is no connection. `UnsupportedError`: this Python's `sqlite3` cannot load extensions. Errors of the
    connection's own module: SQLite is too old, or the extension does not fit this system.
    """
    if not hasattr(connection, "enable_load_extension"):
        if not any(base.__module__ in ("sqlite3", "_sqlite3") for base in type(connection).__mro__):
            given = "None" if connection is None else f"of the type {type(connection).__name__}"
            raise MisuseError(f"the connection is {given}; give an open one of sqlite3 or apsw, such as sqlite3.connect(path)")
        raise UnsupportedError(
            "the sqlite3 module of this Python was built without loadable extensions; use another Python (those of Linux "
            "distributions, Homebrew and conda can; pyenv needs PYTHON_CONFIGURE_OPTS=--enable-loadable-sqlite-extensions "
            "when it builds one), or connect with apsw (pip install apsw). sqlite_lifeboat.recover and sqlite_lifeboat.verify work here"
        )
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
