"""A file that appears complete or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
import stat
import sys
from types import TracebackType
from typing import NoReturn, Optional

from ._errors import BusyError, HostError, MisuseError
from ._leftovers import PREFIX, SUFFIX, hold, release, remove_leftovers
from ._never import refuse

#: The name under which the file is made, in its temporary directory.
DRAFT = "database"

# Tries to make a directory before another process takes it for a leftover.
_TRIES = 10


class Target:
    """Gives a private directory beside the path, for the command to write into; `publish` then gives the file its name, in
    one step. Leaving the block removes the directory, with whatever is in it."""

    def __init__(self, path: str, sources: list[str], key_file: Optional[str], replace: bool) -> None:
        """Refuses what could not be published later, before any work is done. `sources` and `key_file`: files that are read,
        and so never replaced."""
        self.shown = path
        # As everywhere in the file system: a symbolic link stands for the file that it leads to.
        self.path = os.path.realpath(path)
        self.sources = sources
        self.key_file = key_file
        self.replace = replace
        self._check()
        self.lock: Optional[int] = None
        self._choose()

    def _choose(self) -> None:
        # Chosen before it is made, so that an interruption at any moment leaves none behind.
        name = f"{PREFIX}{secrets.token_hex(8)}{SUFFIX}"
        self.directory = os.path.join(os.path.dirname(self.path), name)

    def __enter__(self) -> Target:
        try:
            remove_leftovers(os.path.dirname(self.path))
            for _ in range(_TRIES):
                os.mkdir(self.directory, 0o700)
                self.lock = hold(self.directory)
                if self.lock is not None:
                    return self
                self._choose()
            raise BusyError(f"cannot write in '{os.path.dirname(self.path)}': others remove what is made there; try again")
        except OSError as error:
            self._remove()
            raise HostError(f"cannot write in '{os.path.dirname(self.path)}': {error.strerror}") from None
        except BaseException:
            self._remove()
            raise

    def __exit__(self, _: Optional[type[BaseException]], error: Optional[BaseException], at: Optional[TracebackType]) -> None:
        self._remove()

    def _remove(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)
        if self.lock is not None:
            release(self.lock)
            self.lock = None

    @property
    def draft(self) -> str:
        """The file in the making."""
        return os.path.join(self.directory, DRAFT)

    def publish(self) -> None:
        """Makes what the command wrote, and synced, the file at the path."""
        if not self.replace and os.path.lexists(self.path):
            self._made_meanwhile()
        # What is there now may be another file than at the beginning.
        replaced = self._check()
        try:
            # A recovered database is for its owner alone, as one that `backup_restore_file` makes.
            mode = 0o600
            if replaced is not None:
                self._take_over(replaced)
                mode = stat.S_IMODE(replaced.st_mode) & 0o777
            os.chmod(self.draft, mode)
            if self.replace:
                os.replace(self.draft, self.path)
            else:
                self._link()
        except OSError as error:
            raise HostError(f"cannot make '{self.shown}': {error.strerror}") from None
        try:
            self._sync_directory()
        except OSError as error:
            why = f"its directory cannot be synced: {error.strerror}"
            raise HostError(f"'{self.shown}' is complete, but {why}; it may be gone after a power failure") from None

    def _take_over(self, replaced: os.stat_result) -> None:
        """The file belongs to whom the one belonged that it replaces."""
        made = os.stat(self.draft)
        # On Windows nobody has a number, and all of these are 0.
        if sys.platform == "win32" or (made.st_uid, made.st_gid) == (replaced.st_uid, replaced.st_gid):
            return
        try:
            os.chown(self.draft, replaced.st_uid, replaced.st_gid)
        except OSError as error:
            raise HostError(
                f"'{self.shown}' belongs to user {replaced.st_uid} and group {replaced.st_gid}, and what replaces it would not "
                f"({error.strerror}); run this as that user, or give another path"
            ) from None

    def _link(self) -> None:
        # Unlike a rename, a link never takes the place of a file that appeared meanwhile.
        try:
            os.link(self.draft, self.path)
        except OSError:
            # It appeared, or else this file system knows no links.
            if os.path.lexists(self.path):
                self._made_meanwhile()
            os.rename(self.draft, self.path)

    def _made_meanwhile(self) -> NoReturn:
        raise BusyError(
            f"'{self.shown}' was made meanwhile by somebody else, and was not replaced; try again, or give another path"
        )

    def _sync_directory(self) -> None:
        if sys.platform == "win32":
            # It opens no directory. NTFS keeps a journal of the names of files.
            return
        descriptor = os.open(os.path.dirname(self.path), os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _check(self) -> Optional[os.stat_result]:
        """The file that is to be replaced, None if there is none."""
        found = refuse(self.path, self.shown, self.sources, self.key_file)
        if found is not None and not self.replace:
            raise MisuseError(f"'{self.shown}' already exists; give another path, or replace=True (--replace)")
        return found
