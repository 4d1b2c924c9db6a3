"""Lifeboat: exact, encrypted, deterministic backups of SQLite databases, and their recovery.

`load` gives a connection the SQL functions `backup_export` and the rest. `recover`, `verify`, `info`, `rows` and `saves` need no
SQLite: they run the recovery command in a WebAssembly sandbox.
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

if TYPE_CHECKING:
    from ._recovery import info, recover, rows, saves, verify

__version__ = "0.1.0"

__all__ = [
    "Batch",
    "BusyError",
    "Copies",
    "CopyReport",
    "CorruptError",
    "DeadlineError",
    "Error",
    "HostError",
    "IllFormedText",
    "InterruptError",
    "LeftOut",
    "MismatchError",
    "MisuseError",
    "Recovered",
    "Report",
    "Row",
    "Salvaged",
    "SalvagedDatabase",
    "Save",
    "SchemaObject",
    "Selection",
    "Series",
    "Summary",
    "Table",
    "TooBigError",
    "TruncatedError",
    "UnreachableError",
    "UnsupportedError",
    "Value",
    "Verified",
    "WrongKeyError",
    "as_error",
    "component_path",
    "info",
    "load",
    "loadable_path",
    "recover",
    "rows",
    "saves",
    "verify",
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
