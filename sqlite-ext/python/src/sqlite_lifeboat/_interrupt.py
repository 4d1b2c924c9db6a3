"""Control-C ends a call that is inside of SQLite.

Python runs its handlers of signals between two steps of a program, and a call of SQLite is one step. So a thread waits for the
signal beside the call, and interrupts the statement; then the handler runs, and raises KeyboardInterrupt.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Callable

# Seconds between two tries: a statement may just begin.
_AGAIN = 0.02


@contextmanager
def interruptible(interrupt: Callable[[], None]) -> Generator[None, None, None]:
    """While this is open, SIGINT calls `interrupt` until it is closed. In another thread than the main one, and where SIGINT has
    no handler in Python, it does nothing: there SIGINT ends no call."""
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or not callable(signal.getsignal(signal.SIGINT)):
        yield
        return
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    ended = threading.Event()
    try:
        before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    except ValueError:
        # A second interpreter of the process gets no signals.
        reader.close()
        writer.close()
        yield
        return
    watcher = threading.Thread(target=_watch, args=(reader, before, interrupt, ended), name="lifeboat", daemon=True)
    try:
        watcher.start()
        yield
    finally:
        signal.set_wakeup_fd(before)
        ended.set()
        writer.close()
        if watcher.is_alive():
            watcher.join()
        reader.close()


def _watch(reader: socket.socket, before: int, interrupt: Callable[[], None], ended: threading.Event) -> None:
    while True:
        numbers = reader.recv(4096)
        if not numbers:
            return
        _tell(before, numbers)
        if signal.SIGINT in numbers:
            while not ended.wait(_AGAIN):
                try:
                    interrupt()
                except Exception:
                    pass  # The connection is closed: there is nothing to interrupt.


def _tell(descriptor: int, numbers: bytes) -> None:
    """Tells who waited for signals before, such as asyncio."""
    if descriptor < 0:
        return
    try:
        if sys.platform == "win32":
            theirs = socket.socket(fileno=descriptor)
            try:
                theirs.send(numbers)
            finally:
                theirs.detach()
        else:
            os.write(descriptor, numbers)
    except OSError:
        pass  # It is full, or closed. Python itself loses the number then, too.
