"""Runs the recovery command, `lifeboat-cli.wasm`, in a sandbox.

It has the directories that it is given, its arguments, and the key on its standard input: no network, no environment, and
no more memory and time than allowed. Python talks to it through pipes, since calls into an embedded component copy each byte
and each value by itself, which takes a hundred times as long and more.
"""

from __future__ import annotations

import ctypes
import errno
import os
import queue
import re
import selectors
import sys
import threading
import time
import weakref
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, closing
from io import FileIO
from pathlib import Path
from typing import Callable, NamedTuple, Optional, Union

import wasmtime
from wasmtime import component

from ._arguments import Progress
from ._errors import DeadlineError, Error, HostError, TooBigError, from_kind

_PIECE = 1 << 16
# How many pieces may wait, and seconds until a thread that waits looks again.
_WAITING = 64
_AGAIN = 0.05
# Seconds that threads of the runtime are waited for, and until the next look.
_PATIENCE = 5
_SOON = 0.002
_PROGRESS = re.compile(rb"progress: (\w+) (\d+)(?: of (\d+))?")
_ERROR = re.compile(r"^lifeboat-cli: (?!note: )([a-z ]+): (.*)", re.DOTALL | re.MULTILINE)


class Directory(NamedTuple):
    """A directory of this machine, by which name the command sees it, and whether it may write there."""

    host: str
    guest: str
    writable: bool


class Limits(NamedTuple):
    """At most so many bytes of memory, and so many seconds."""

    memory: int
    timeout: Optional[float]


def run(
    arguments: Sequence[str],
    directories: Sequence[Directory],
    key: Optional[str],
    limits: Limits,
    progress: Optional[Progress],
    names: Mapping[str, str],
    incomplete: Optional[list[str]] = None,
) -> Generator[bytes, None, None]:
    """Gives what the command writes to its standard output, piece by piece; to close the generator stops the command.

    `key` goes to its standard input. `names`: for the paths that the command sees, what errors shall call them. Raises
    `Error` when the command has failed. That what it wrote is not all, stands in its report; `incomplete` gets why.
    """
    deadline = None if limits.timeout is None else time.monotonic() + limits.timeout
    errors: list[bytes] = []
    with ExitStack() as stack:
        # An engine of its own, so that stopping this run stops no other.
        engine = stack.enter_context(wasmtime.Engine(_config()))
        try:
            command = stack.enter_context(_command(engine))
            store = wasmtime.Store(engine)
            store.set_limits(memory_size=limits.memory)
            store.set_epoch_deadline(1)
            wasi = wasmtime.WasiConfig()
            wasi.argv = ["lifeboat-cli", *arguments, "--progress"]
            for directory in directories:
                wasi.preopen_dir(*directory)
            streams = STREAMS(stack, wasi, (key or "").encode(errors="replace"))
            store.set_wasi(wasi)
        except wasmtime.WasmtimeError as error:
            raise HostError(f"the WebAssembly runtime cannot begin: {error}") from None
        streams.begin()
        worker = _Worker(store, command, streams.end)
        try:
            worker.start()
            yield from _listen(streams.pieces(deadline), progress, errors)
        finally:
            engine.increment_epoch()
            streams.close()
            if worker.is_alive():
                worker.join()
            streams.settle()
    if not worker.done:
        said = b"".join(errors).decode(errors="replace")
        found = _ERROR.search(said)
        if found is None or found[1] != "incomplete":
            raise _error(said, worker.trap, names)
        if incomplete is not None:
            incomplete.append(_named(found[2].strip(), names))


class _Worker(threading.Thread):
    """Runs the command beside the thread that listens, which so can be interrupted."""

    def __init__(self, store: wasmtime.Store, command: component.Component, end: Callable[[], None]) -> None:
        super().__init__(name="lifeboat", daemon=True)
        self.store = store
        self.command = command
        self.end = end
        self.done = False
        self.trap = ""

    def run(self) -> None:
        try:
            with component.Linker(self.store.engine) as linker:
                linker.add_wasip2()
                instance = linker.instantiate(self.store, self.command)
            interface = instance.get_export_index(self.store, "wasi:cli/run@0.2.0")
            function = instance.get_export_index(self.store, "run", interface)
            assert function is not None
            entry = instance.get_func(self.store, function)
            assert entry is not None
            self.done = entry(self.store).tag == "ok"
        except Exception as error:  # whatever it is, the other thread has to hear of it
            self.trap = str(error)
            # Its frames refer to it, and it to memory of the runtime, until the next collection of garbage.
            error.__traceback__ = None
        finally:
            # Closes the pipes.
            self.store.close()
            self.end()


class _Pipes:
    """What the command writes comes through pipes, and the key goes to it through one."""

    def __init__(self, stack: ExitStack, wasi: wasmtime.WasiConfig, key: bytes) -> None:
        # The runtime opens the pipes anew by these names; our own ends for its side are closed again.
        (self.out, out), (self.err, err), (key_end, self.key_file) = _pipe(stack), _pipe(stack), _pipe(stack)
        wasi.stdout_file, wasi.stderr_file, wasi.stdin_file = map(_name, (out, err, key_end))
        self.key = key
        self.ends = (out, err, key_end, self.key_file)

    def begin(self) -> None:
        """The runtime has opened its ends."""
        # No longer than what a pipe takes at once.
        self.key_file.write(self.key)
        for end in self.ends:
            end.close()

    def pieces(self, deadline: Optional[float]) -> Generator[tuple[bool, bytes], None, None]:
        """What is written, until both pipes end, and whether that is to the standard error."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.out, selectors.EVENT_READ)
            selector.register(self.err, selectors.EVENT_READ)
            while selector.get_map():
                for ready, _ in selector.select(_left(deadline)):
                    data = os.read(ready.fd, _PIECE)
                    if data:
                        yield ready.fileobj is self.err, data
                    else:
                        selector.unregister(ready.fileobj)

    def end(self) -> None:
        """The command has ended, and so have the pipes."""

    def close(self) -> None:
        """Nobody listens any more."""
        self.out.close()
        self.err.close()

    def settle(self) -> None:
        """There is nothing to wait for."""


class _Calls:
    """What the command writes comes by calls of the runtime: for Windows, which has no names for pipes like these."""

    def __init__(self, _: ExitStack, wasi: wasmtime.WasiConfig, key: bytes) -> None:
        # The command waits when nobody takes what it writes.
        self.written: queue.Queue[Optional[tuple[bool, bytes]]] = queue.Queue(_WAITING)
        self.is_closed = False
        takers = [self._taker(False), self._taker(True)]
        wasi.stdout_custom, wasi.stderr_custom = takers
        # The runtime keeps them until it calls them no more.
        self.kept = [weakref.ref(taker) for taker in takers]
        _set_input(wasi, key)

    def _taker(self, is_error: bool) -> Callable[[bytes], Optional[int]]:
        def take(data: bytes) -> Optional[int]:
            return None if self._put((is_error, data)) else -errno.EPIPE

        return take

    def _put(self, piece: Optional[tuple[bool, bytes]]) -> bool:
        while not self.is_closed:
            try:
                self.written.put(piece, timeout=_AGAIN)
                return True
            except queue.Full:
                pass
        return False

    def begin(self) -> None:
        """There is nothing to do."""

    def pieces(self, deadline: Optional[float]) -> Generator[tuple[bool, bytes], None, None]:
        """What is written, until the command ends, and whether that is to the standard error."""
        while True:
            left = _left(deadline)
            try:
                # Not for long: on Windows, nothing interrupts this.
                piece = self.written.get(timeout=_AGAIN if left is None else min(left, _AGAIN))
            except queue.Empty:
                continue
            if piece is None:
                return
            yield piece

    def end(self) -> None:
        """The command has ended."""
        self._put(None)

    def close(self) -> None:
        """Nobody listens any more."""
        self.is_closed = True

    def settle(self) -> None:
        """Waits until the runtime, on threads of its own, calls no more: it must not when Python ends."""
        ends = time.monotonic() + _PATIENCE
        while any(taker() is not None for taker in self.kept) and time.monotonic() < ends:
            time.sleep(_SOON)


#: How to talk to the command.
STREAMS: type[Union[_Pipes, _Calls]] = _Calls if sys.platform == "win32" else _Pipes


def _set_input(wasi: wasmtime.WasiConfig, content: bytes) -> None:
    """What the command reads from its standard input. The runtime has a function for that, and the Python package has no other
    name for it."""
    from wasmtime import _ffi as ffi

    vector = ffi.wasm_byte_vec_t()
    copied = (ctypes.c_ubyte * len(content)).from_buffer_copy(content)
    ffi.wasm_byte_vec_new(ctypes.byref(vector), len(content), copied)
    ffi.wasi_config_set_stdin_bytes(wasi.ptr(), ctypes.byref(vector))


def _left(deadline: Optional[float]) -> Optional[float]:
    """How many seconds are left."""
    left = None if deadline is None else deadline - time.monotonic()
    if left is not None and left <= 0:
        raise DeadlineError("the time limit has passed; nothing was changed")
    return left


def _listen(
    pieces: Generator[tuple[bool, bytes], None, None], progress: Optional[Progress], errors: list[bytes]
) -> Generator[bytes, None, None]:
    """Gives what comes to the standard output. Of the standard error, `progress` is told the lines of progress; `errors` gets the
    others."""
    rest = b""
    with closing(pieces):
        for is_error, data in pieces:
            if not is_error:
                yield data
                continue
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                told = _PROGRESS.fullmatch(line)
                if told is None:
                    errors.append(line + b"\n")
                elif progress is not None:
                    progress(told[1].decode(), int(told[2]), None if told[3] is None else int(told[3]))
    errors.append(rest)


def _error(said: str, trap: str, names: Mapping[str, str]) -> Error:
    """What the command said, or that the runtime stopped it."""
    found = _ERROR.search(said)
    if found is None:
        if "exceeds memory limits" in trap:
            return TooBigError("the memory limit is less than what the recovery needs to begin: allow 64 MiB at least")
        return HostError(f"the recovery has failed in the WebAssembly runtime: {trap or said or 'it gave no reason'}")
    return from_kind(found[1], _named(words(found[2].strip()), names))


# What the options of the command are called in the functions, where it is not the same name.
_ARGUMENTS = {"key-file": "key", "out": "path"}
# Not a part of a path or of a longer word.
_FLAG = re.compile(r"(?<![\w\-/'\"\\])--([a-z]+(?:-[a-z]+)*)")
_SAVES = re.compile(r"\Alog (?=lists|needs|takes)")


def in_functions(message: str) -> str:
    """A message of the command in the words of the functions of this package."""

    def named(flag: re.Match[str]) -> str:
        return _ARGUMENTS.get(flag[1], flag[1].replace("-", "_"))

    return _FLAG.sub(named, _SAVES.sub("saves ", message.replace("; see --help", "")))


#: The words of errors: those of the functions, or (`str`) of the command line, where the command itself was called.
words: Callable[[str], str] = in_functions


def _named(message: str, names: Mapping[str, str]) -> str:
    """With the paths as the caller knows them."""
    for guest in sorted(names, key=len, reverse=True):
        message = message.replace(guest, names[guest])
    return message


_compiling = threading.Lock()
_compiled: Optional[bytearray] = None


def _command(engine: wasmtime.Engine) -> component.Component:
    """The compiled command. To compile it takes some seconds: this process remembers it, and so does wasmtime's cache, in
    the user's cache directory."""
    global _compiled
    with _compiling:
        if _compiled is None:
            config = _config()
            try:
                config.cache = True
            except wasmtime.WasmtimeError:
                pass  # There is no such directory.
            path = Path(__file__).with_name("lifeboat-cli.wasm")
            _compiled = component.Component.from_file(wasmtime.Engine(config), path).serialize()
        return component.Component.deserialize(engine, _compiled)


def _config() -> wasmtime.Config:
    config = wasmtime.Config()
    config.epoch_interruption = True
    return config


def _pipe(stack: ExitStack) -> tuple[FileIO, FileIO]:
    """The two ends of a pipe: to read, and to write."""
    reader, writer = os.pipe()
    return stack.enter_context(FileIO(reader, "r")), stack.enter_context(FileIO(writer, "w"))


def _name(end: FileIO) -> str:
    return f"/dev/fd/{end.fileno()}"
