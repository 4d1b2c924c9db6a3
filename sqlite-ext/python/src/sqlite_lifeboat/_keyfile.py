"""Writes a key into a new file that its owner alone can read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Callable

from ._errors import HostError, MisuseError


def write_key_file(function: str, path: str, make: Callable[[], str]) -> Path:
    """A file that is there is never replaced: it may hold the only copy of a key."""
    try:
        # On Windows the mode says nothing: who may read the directory may read the file.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    except FileExistsError:
        raise MisuseError(f"{function}: '{path}' already exists, and may hold a key; give another path") from None
    except OSError as error:
        raise HostError(
            f"{function}: cannot create '{path}': {error.strerror}; its directory must exist and be writable"
        ) from None
    is_whole = False
    try:
        with open(descriptor, "w", encoding="ascii", newline="\n") as file:
            file.write(make() + "\n")
            file.flush()
            os.fsync(file.fileno())
        is_whole = True
    except OSError as error:
        raise HostError(f"{function}: cannot write '{path}': {error.strerror}") from None
    finally:
        if not is_whole:
            os.unlink(path)
    return Path(path)
