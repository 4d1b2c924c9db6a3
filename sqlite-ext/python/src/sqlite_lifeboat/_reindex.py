"""Computes the indexes of a recovered database anew, with the SQLite of this Python.

The SQLite inside the recovery component built them, and another one may compute an expression otherwise: `round(2.675, 2)` is one
number for SQLite 3.40 and another for 3.46. An index then misses rows that are there.

This is not done unless the caller asks for it. The component keeps a hostile bundle away from everything: nothing of its schema
is run outside of a sandbox. A plain SQLite that builds an index evaluates the expressions that stand in the bundle. They can
call SQLite's own functions and nothing else, see one row at a time, and may take their time, which `timeout` bounds.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable
from typing import Any, Callable, Optional

from ._arguments import Progress
from ._errors import DeadlineError, HostError, UnsupportedError

# Seconds that an interrupted REINDEX is waited for.
_PATIENCE = 5
#: The phase, for functions that are told of the progress.
PHASE = "reindexing"


def reindex(path: str, indexes: Iterable[str], deadline: Optional[float], progress: Optional[Progress]) -> str:
    """Computes these indexes anew, makes the file durable, and gives the version of the SQLite that did it. `deadline`: by
    `time.monotonic`."""
    try:
        import sqlite3
    except ImportError as error:
        raise UnsupportedError(f"this Python has no sqlite3 module to run REINDEX with ({error}); recover without reindex") from None
    if progress is not None:
        progress(PHASE, 0, None)
    worker = _Worker(sqlite3, path, indexes)
    try:
        worker.start()
        if not worker.ended.wait(None if deadline is None else max(0, deadline - time.monotonic())):
            raise DeadlineError("the time limit has passed; nothing was changed")
    finally:
        # It may be between two statements, when there is nothing to interrupt; or within one function of an expression, which
        # nothing interrupts: then it goes on with a file that is nobody's any more.
        patience = time.monotonic() + _PATIENCE
        while not worker.ended.is_set() and time.monotonic() < patience:
            worker.interrupt()
            worker.ended.wait(0.05)
    if worker.failed is not None:
        raise HostError(
            f"the SQLite {sqlite3.sqlite_version} of this Python cannot run REINDEX on the database: {worker.failed}; nothing was "
            "changed; recover without reindex, and run REINDEX with the SQLite that will use the database"
        )
    _sync(path)
    return sqlite3.sqlite_version


class _Worker(threading.Thread):
    """Runs the statements beside the thread that waits, which so can be interrupted."""

    def __init__(self, sqlite3: Any, path: str, indexes: Iterable[str]) -> None:
        super().__init__(name="lifeboat", daemon=True)
        self.indexes = indexes
        self.failed: Optional[Exception] = None
        # A `join` that is interrupted takes the thread for ended.
        self.ended = threading.Event()
        self.connect: Callable[[], Any] = lambda: sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.database: Any = None

    def start(self) -> None:
        try:
            super().start()
        except RuntimeError:
            self.ended.set()
            raise

    def interrupt(self) -> None:
        try:
            self.database.interrupt()
        except Exception:
            pass  # It has not opened the database, or has closed it.

    def run(self) -> None:
        try:
            self.database = self.connect()
            self.database.set_authorizer(_only_reindex)
            # The file is nobody's yet: what fails is thrown away with it.
            for pragma in ("journal_mode = OFF", "synchronous = OFF", "trusted_schema = OFF"):
                self.database.execute(f"PRAGMA {pragma}").fetchall()
            for index in self.indexes:
                quoted = index.replace('"', '""')
                self.database.execute(f'REINDEX main."{quoted}"')
        except Exception as error:  # whatever it is, the other thread has to hear of it
            self.failed = error
            error.__traceback__ = None
        finally:
            if self.database is not None:
                self.database.close()
            self.ended.set()


def _only_reindex(action: int, *_: Any) -> int:
    """What SQLite needs for this, and no more."""
    # SQLITE_PRAGMA, SQLITE_READ, SQLITE_SELECT, SQLITE_TRANSACTION, SQLITE_REINDEX, SQLITE_FUNCTION.
    return 0 if action in (19, 20, 21, 22, 27, 31) else 1


def _sync(path: str) -> None:
    try:
        descriptor = os.open(path, os.O_RDWR)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise HostError(f"the recovered database cannot be synced: {error.strerror}") from None
