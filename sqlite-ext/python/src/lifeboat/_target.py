"""A file that appears complete or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
import stat
from types import TracebackType
from typing import Optional

from ._errors import HostError, MisuseError

#: The name under which the file is made, in its temporary directory.
DRAFT = "database"


class Target:
    """Gives a private directory beside the path, for the command to write into; `publish` then gives the file its name, in
    one step. Leaving the block removes the directory, with whatever is in it."""

    def __init__(self, path: str, sources: list[str], replace: bool) -> None:
        """Refuses what could not be published later, before any work is done. `sources`: files never to be replaced."""
        self.shown = path
        # As everywhere in the file system: a symbolic link stands for the file that it leads to.
        self.path = os.path.realpath(path)
        self.sources = sources
        self.replace = replace
        self._check()
        # Chosen before it is made, so that an interruption at any moment leaves none behind.
        name = f".lifeboat-{secrets.token_hex(8)}.partial"
        self.directory = os.path.join(os.path.dirname(self.path), name)

    def __enter__(self) -> Target:
        try:
            os.mkdir(self.directory, 0o700)
        except OSError as error:
            raise HostError(f"cannot write in '{os.path.dirname(self.path)}': {error.strerror}") from None
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, _: Optional[type[BaseException]], error: Optional[BaseException], at: Optional[TracebackType]) -> None:
        self._remove()

    def _remove(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)

    def publish(self) -> None:
        """Makes what the command wrote, and synced, the file at the path."""
        mode = self._check()
        draft = os.path.join(self.directory, DRAFT)
        try:
            # A recovered database is for its owner alone, as one that `backup_restore_file` makes.
            os.chmod(draft, 0o600 if mode is None else mode)
            if self.replace:
                os.replace(draft, self.path)
            else:
                self._link(draft)
        except OSError as error:
            raise HostError(f"cannot make '{self.shown}': {error.strerror}") from None
        try:
            self._sync_directory()
        except OSError as error:
            why = f"its directory cannot be synced: {error.strerror}"
            raise HostError(f"'{self.shown}' is complete, but {why}; it may be gone after a power failure") from None

    def _link(self, draft: str) -> None:
        # Unlike a rename, a link never takes the place of a file that appeared meanwhile.
        try:
            os.link(draft, self.path)
        except OSError:
            # It appeared, or else this file system knows no links.
            self._check()
            os.rename(draft, self.path)

    def _sync_directory(self) -> None:
        descriptor = os.open(os.path.dirname(self.path), os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _check(self) -> Optional[int]:
        """The mode of the file that is to be replaced, None if there is none."""
        try:
            found = os.lstat(self.path)
        except FileNotFoundError:
            mode = None
        except OSError as error:
            raise HostError(f"cannot make '{self.shown}': {error.strerror}") from None
        else:
            if self.path in self.sources:
                raise MisuseError(f"'{self.shown}' is a bundle that is being read: give another path")
            if not stat.S_ISREG(found.st_mode):
                raise MisuseError(f"'{self.shown}' is no regular file: give another path")
            if not self.replace:
                raise MisuseError(f"'{self.shown}' is there and is not overwritten: give another path, or allow to replace it")
            mode = stat.S_IMODE(found.st_mode)
        for suffix in ("-journal", "-wal"):
            if os.path.lexists(self.path + suffix):
                raise MisuseError(
                    f"'{self.shown}{suffix}' belongs to a database that was not closed: close its program, or move the "
                    "journal away with its database; SQLite would play it into the new one"
                )
        return mode
