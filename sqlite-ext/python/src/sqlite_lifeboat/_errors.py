"""What goes wrong, as the extension and the recovery component name it."""

from __future__ import annotations

import re
from typing import ClassVar, Optional

from ._redact import redact


class Error(Exception):
    """Each subclass is one thing that a caller would do differently; `kind` is its name, which stays, `message` says where
    it happened, what is wrong and what to do. Neither ever holds key material or stored values."""

    kind: ClassVar[str]
    message: str

    def __init__(self, message: str) -> None:
        self.message = redact(message)
        super().__init__(self.message)

    def __init_subclass__(cls) -> None:
        # In a traceback, the name by which it is imported.
        cls.__module__ = "sqlite_lifeboat"

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}"


class WrongKeyError(Error):
    """The key is well-formed but did not make this bundle, which may be sound. Find the right key."""

    kind = "wrong key"


class CorruptError(Error):
    """The bytes are not what the exporter wrote. Use another copy."""

    kind = "corrupt"


class TruncatedError(Error):
    """The bundle ends too early. Get it again."""

    kind = "truncated"


class UnsupportedError(Error):
    """A newer format, or something that this Python cannot do."""

    kind = "unsupported"


class TooBigError(Error):
    """A limit of the format, or the memory that the recovery may use, would be exceeded."""

    kind = "too big"


class MisuseError(Error):
    """Something was asked for that cannot be done; nothing was changed."""

    kind = "misuse"


class MismatchError(Error):
    """Sound, but not the state or the signer that was expected; or bundles that are no chain."""

    kind = "mismatch"


class HostError(Error):
    """The file system, SQLite or the WebAssembly runtime refused; the message has its words."""

    kind = "host"


class UnreachableError(Error):
    """A store, or too many copies, could not be reached. Nothing is lost. Try again later."""

    kind = "unreachable"


class BusyError(Error):
    """Somebody else was quicker, or holds a lock. Try again."""

    kind = "busy"


class InterruptError(Error):
    """The application interrupted the work. Nothing was changed."""

    kind = "interrupted"


class DeadlineError(InterruptError):
    """The time that the call was given has passed. Nothing was changed."""


_CLASSES: list[type[Error]] = [
    WrongKeyError,
    CorruptError,
    TruncatedError,
    UnsupportedError,
    TooBigError,
    MisuseError,
    MismatchError,
    HostError,
    UnreachableError,
    BusyError,
    InterruptError,
]


def from_kind(kind: str, message: str) -> Error:
    """The error of this kind; of a kind that is not known here, a `HostError`."""
    for error in _CLASSES:
        if error.kind == kind:
            return error(message)
    return HostError(f"{kind}: {message}")


# `function: kind: what is wrong`. Behind what a module puts before it.
_SQL_ERROR = re.compile(rf"\b(backup_[a-z_]+): ({'|'.join(error.kind for error in _CLASSES)}): (.*)", re.DOTALL)


def as_error(error: BaseException) -> Optional[Error]:
    """The error of one of Lifeboat's SQL functions, which `sqlite3` and `apsw` raise as errors of their own, as an `Error` of
    its kind; its message begins with the name of the function. None: it is another error.

        try:
            db.execute("SELECT backup_export_file(?, ?)", [key, path]).fetchone()
        except sqlite3.Error as error:
            raise lifeboat.as_error(error) or error
    """
    found = _SQL_ERROR.search(str(error))
    return None if found is None else from_kind(found[2], f"{found[1]}: {found[3]}")
