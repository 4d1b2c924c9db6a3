"""Directories in which a file was being made when the process was killed: who next recovers into the same place removes them.

A process holds a lock (`flock`) on the directory that it works in, and the system takes it away when the process ends, however
it ends. So a directory whose lock can be had is nobody's any more: a number of a process would say nothing where another machine
or container works in the same place. Where locks say nothing of other machines (file systems over a network), what is left
stays. So it does on Windows, which has no such locks.
"""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import stat
import sys
from types import ModuleType
from typing import Optional

fcntl: Optional[ModuleType]
try:
    import fcntl
except ImportError:
    fcntl = None  # Windows

PREFIX = ".lifeboat-"
SUFFIX = ".partial"
_NAME = re.compile(re.escape(PREFIX) + "[0-9a-f]{16}" + re.escape(SUFFIX))
# Windows opens no directory, and so it has no flags for that.
_FLAGS = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
#: In the place of a descriptor, where a directory cannot be held.
UNHELD = -1

# `statfs(2)`: ext, XFS, Btrfs, F2FS, ZFS, bcachefs, tmpfs, ramfs, overlayfs, exFAT, FAT, NTFS, JFS.
_LOCAL = {
    0xEF53, 0x58465342, 0x9123683E, 0xF2F52010, 0x2FC12FC1, 0xCA451A4E, 0x01021994, 0x858458F6, 0x794C7630, 0x2011BAB0, 0x4D44,
    0x7366746E, 0x3153464A,
}  # fmt: skip


def hold(directory: str) -> Optional[int]:
    """Holds the lock of a directory that was just made, until the descriptor is closed. None: somebody took it for a leftover,
    and it is gone."""
    if fcntl is None:
        return UNHELD
    try:
        descriptor = os.open(directory, _FLAGS)
    except FileNotFoundError:
        return None
    if not _locks_tell(descriptor) or (_lock(descriptor) and _leads_to(directory, descriptor)):
        return descriptor
    os.close(descriptor)
    return None


def remove_leftovers(parent: str) -> None:
    """Removes what earlier recoveries left here, as far as it is certain that nobody is at work in it. What cannot be removed
    stays."""
    if fcntl is None:
        return
    try:
        names = [name for name in os.listdir(parent) if _NAME.fullmatch(name)]
    except OSError:
        return
    for name in names:
        _remove(os.path.join(parent, name))


def _remove(directory: str) -> None:
    try:
        descriptor = os.open(directory, _FLAGS)
    except OSError:
        return
    try:
        found = os.fstat(descriptor)
        # What others put here is theirs, whatever its name.
        is_ours = found.st_uid == os.geteuid() and stat.S_IMODE(found.st_mode) == 0o700
        if is_ours and _locks_tell(descriptor) and _lock(descriptor) and _leads_to(directory, descriptor):
            shutil.rmtree(directory, ignore_errors=True)
    finally:
        os.close(descriptor)


def release(descriptor: int) -> None:
    """Holds it no longer."""
    if descriptor != UNHELD:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    assert fcntl is not None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except OSError:
        return False


def _leads_to(path: str, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.lstat(path), os.fstat(descriptor))
    except OSError:
        return False


def _locks_tell(descriptor: int) -> bool:
    """Whether a lock on this tells of all who use it."""
    if not sys.platform.startswith("linux"):
        return False
    found = ctypes.create_string_buffer(1024)
    if ctypes.CDLL(None).fstatfs(descriptor, found) != 0:
        return False
    # The type comes first; its size differs between machines, and of all these 32 bits count.
    return ctypes.cast(found, ctypes.POINTER(ctypes.c_long))[0] & 0xFFFFFFFF in _LOCAL
