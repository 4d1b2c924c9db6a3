"""What goes wrong, as the extension and the recovery component name it."""

from __future__ import annotations

from typing import ClassVar


class Error(Exception):
    """Each subclass is one thing that a caller would do differently; `kind` is its name, `message` says where it
    happened, what is wrong and what to do. Neither ever holds key material or stored values."""

    kind: ClassVar[str]
    message: str

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __init_subclass__(cls) -> None:
        # In a traceback, the name by which it is imported.
        cls.__module__ = "lifeboat"

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}"


class WrongKeyError(Error):
    """The recovery key is well-formed but did not make this bundle, which may be sound. Find the right key."""

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
    """Something was asked for that cannot be done; nothing was tried."""

    kind = "misuse"


class MismatchError(Error):
    """Sound, but not the state or the signer that was expected; or bundles that are no chain."""

    kind = "mismatch"


class HostError(Error):
    """The file system, SQLite or the WebAssembly runtime refused; the message has its words."""

    kind = "host"


class DeadlineError(Error):
    """The time that the call was given has passed. Nothing was changed."""

    kind = "interrupted"


_CLASSES: list[type[Error]] = [
    WrongKeyError,
    CorruptError,
    TruncatedError,
    UnsupportedError,
    TooBigError,
    MisuseError,
    MismatchError,
    HostError,
]


def from_kind(kind: str, message: str) -> Error:
    """The error of this kind; of a kind that is not known here, a `HostError`."""
    for error in _CLASSES:
        if error.kind == kind:
            return error(message)
    return HostError(f"{kind}: {message}")
