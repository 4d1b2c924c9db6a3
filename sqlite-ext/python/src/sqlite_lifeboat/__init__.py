"""Lifeboat: exact, encrypted, deterministic backups of SQLite databases, and their recovery.

    import sqlite_lifeboat as lifeboat

    key = lifeboat.keygen(out="recovery.key")
    lifeboat.save("wallet.db", key, ["dir:disk/copy", "dir:stick/copy"])
    lifeboat.restore("restored.db", "dir:stick/copy", key)

`recover`, `verify`, `info`, `rows` and `saves` read what lies in files and directories, and need no SQLite: they run the recovery
command in a WebAssembly sandbox. All other functions call the extension, and reach any store. `load` gives a connection the SQL
functions themselves.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ._copies import Copies, CopyReport, LeftOut, Save, Series
from ._errors import (
    BusyError,
    CorruptError,
    DeadlineError,
    Error,
    HostError,
    InterruptError,
    MismatchError,
    MisuseError,
    TooBigError,
    TruncatedError,
    UnreachableError,
    UnsupportedError,
    WrongKeyError,
    as_error,
)
from ._extension import load, loadable_path
from ._keys import keygen, read_key, verify_key, write_key
from ._live import (
    events,
    export,
    log,
    protect,
    prune,
    restore,
    restore_all,
    save,
    save_files,
    scrub,
    status,
    unprotect,
)
from ._reports import (
    Batch,
    IllFormedText,
    Recovered,
    Report,
    Row,
    Salvaged,
    SalvagedDatabase,
    SchemaObject,
    Selection,
    Summary,
    Table,
    Value,
    Verified,
)

from ._results import (
    CheckedCopy,
    CheckedSeries,
    CopyState,
    Damage,
    Event,
    Exported,
    Failure,
    InStores,
    LastSave,
    LogEntry,
    Protected,
    Protection,
    Pruned,
    PrunedCopy,
    Removed,
    Restored,
    RestoredAll,
    RestoredDomain,
    Saved,
    Scrubbed,
    SecretKey,
    Status,
    Unprotected,
)

if TYPE_CHECKING:
    from ._recovery import info, recover, rows, saves, verify

__version__ = "0.1.0"

__all__ = [
    "Batch",
    "BusyError",
    "CheckedCopy",
    "CheckedSeries",
    "Copies",
    "CopyReport",
    "CopyState",
    "CorruptError",
    "Damage",
    "DeadlineError",
    "Error",
    "Event",
    "Exported",
    "Failure",
    "HostError",
    "IllFormedText",
    "InStores",
    "InterruptError",
    "LastSave",
    "LeftOut",
    "LogEntry",
    "MismatchError",
    "MisuseError",
    "Protected",
    "Protection",
    "Pruned",
    "PrunedCopy",
    "Recovered",
    "Removed",
    "Report",
    "Restored",
    "RestoredAll",
    "RestoredDomain",
    "Row",
    "Salvaged",
    "SalvagedDatabase",
    "Save",
    "Saved",
    "SchemaObject",
    "Scrubbed",
    "SecretKey",
    "Selection",
    "Series",
    "Status",
    "Summary",
    "Table",
    "TooBigError",
    "TruncatedError",
    "Unprotected",
    "UnreachableError",
    "UnsupportedError",
    "Value",
    "Verified",
    "WrongKeyError",
    "as_error",
    "component_path",
    "events",
    "export",
    "info",
    "keygen",
    "load",
    "loadable_path",
    "log",
    "protect",
    "prune",
    "read_key",
    "recover",
    "restore",
    "restore_all",
    "rows",
    "save",
    "save_files",
    "saves",
    "scrub",
    "status",
    "unprotect",
    "verify",
    "verify_key",
    "write_key",
]


def component_path() -> str:
    """The path of the recovery component, which imports nothing: for hosts of your own."""
    return str(Path(__file__).with_name("lifeboat-recovery.wasm"))


if not TYPE_CHECKING:

    def __dir__() -> list[str]:
        return sorted([*__all__, *(name for name in globals() if name.startswith("__"))])

    def __getattr__(name: str) -> object:
        # The WebAssembly runtime is for recovery alone: a program that makes backups neither loads nor needs it.
        if name in ("info", "recover", "rows", "saves", "verify"):
            from . import _recovery

            return getattr(_recovery, name)
        raise AttributeError(f"module 'sqlite_lifeboat' has no attribute {name!r}")
