"""Protections of paths: the package keeps a connection open for each."""

from __future__ import annotations

import atexit
import json
import os
import threading
from typing import Any

from ._errors import MisuseError
from ._extension import Database
from ._sql import database_path, open_database, query, run

_lock = threading.Lock()
_held: dict[str, Database] = {}
# Connections of the process that this one was forked from. To close one here, or to let it be collected, would take the locks
# from its files.
_of_parent: list[Database] = []


def hold(db: object, arguments: list[Any]) -> dict[str, Any]:
    """Protects a path, and gives the report."""
    path = os.path.realpath(database_path("protect", db, False))
    with _lock:
        held = _held.get(path)
        opened = held if held is not None else open_database("protect", path, False, any_thread=True)
        is_done = False
        try:
            ((text,),) = run("protect", opened, query("protect", arguments), arguments)
            found: dict[str, Any] = json.loads(text)
            _held[path] = opened
            is_done = True
        finally:
            if held is None and not is_done:
                opened.close()
    return found


def release(db: object) -> dict[str, Any]:
    """Ends the protection of a path, and gives the report."""
    path = os.path.realpath(database_path("unprotect", db, True))
    with _lock:
        held = _held.get(path)
        if held is None:
            raise MisuseError(
                f"unprotect: this process protects no database by the path '{db}'; give the path or the connection that protect got"
            )
        ((text,),) = run("unprotect", held, query("unprotect", []), [])
        found: dict[str, Any] = json.loads(text)
        del _held[path]
        held.close()
    return found


def _close_all() -> None:
    for path in list(_held):
        _held.pop(path).close()


def _forget() -> None:
    global _lock
    _lock = threading.Lock()
    _of_parent.extend(_held.values())
    _held.clear()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
