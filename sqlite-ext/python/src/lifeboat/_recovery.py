"""Verifies bundles, looks into them, and recovers what is in them. Needs no SQLite."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Generator, Iterable
from contextlib import closing
from typing import Optional, Union, overload

from . import _reports
from ._command import Directory, Limits, Progress, run
from ._errors import HostError, MisuseError
from ._reports import Batch, Recovered, Summary, Verified
from ._rows import batches
from ._target import DRAFT, Target

#: The path of a full bundle; or those of a chain: a full bundle and the deltas that lead on from it, oldest first.
Bundles = Union[str, "os.PathLike[str]", Iterable[Union[str, "os.PathLike[str]"]]]

#: All the memory that the recovery can address.
MAX_MEMORY = 4 << 30

# A recovery key has 72 characters; longer ones may come some day.
_MAX_KEY = 1024


def recover(
    bundles: Bundles,
    key: str,
    path: Union[str, os.PathLike[str]],
    *,
    expect: Optional[str] = None,
    page_size: Optional[int] = None,
    replace: bool = False,
    progress: Optional[Progress] = None,
    timeout: Optional[float] = None,
    max_memory: int = MAX_MEMORY,
) -> Recovered:
    """Recovers the database file of a bundle, or the last state of a chain, after proving that it holds that very state.

    The file appears at `path` complete or not at all: it is made, and synced, in a temporary directory beside it
    (`.lifeboat-*.partial`), which only a process that is killed leaves behind. It is readable by its owner alone.

    `key`: the text of the recovery key; `file:PATH`, a file that has it; `env:NAME`, an environment variable.
    `expect`: the state id that it must have. `page_size`: a power of two from 512 to 65536; 4096 unless told. `replace`: a
    file that is at `path` may be replaced, and takes over its mode; no program may have it open. `progress(phase, done,
    total)` is called with the phases `checking` (of a chain), `reading`, `building`, `writing` and bytes; what it raises ends
    the work. `timeout`: seconds. `max_memory`: bytes; the recovery needs about twice the size of the file, so that files
    up to about 2 GB are possible; for larger ones there is `rows`.

    Raises `Error`; its subclasses tell what to do. KeyboardInterrupt stops it, and leaves nothing behind.
    """
    text = recover_text(bundles, key, path, expect, page_size, replace, progress, Limits(max_memory, timeout), True)
    return Recovered._of(json.loads(text))


@overload
def verify(
    bundles: Bundles,
    *,
    key: str,
    verify_key: None = None,
    expect: Optional[str] = None,
    progress: Optional[Progress] = None,
    timeout: Optional[float] = None,
    max_memory: int = MAX_MEMORY,
) -> Summary: ...
@overload
def verify(
    bundles: Bundles,
    *,
    key: None = None,
    verify_key: Optional[str] = None,
    expect: Optional[str] = None,
    progress: Optional[Progress] = None,
    timeout: Optional[float] = None,
    max_memory: int = MAX_MEMORY,
) -> Verified: ...
def verify(
    bundles: Bundles,
    *,
    key: Optional[str] = None,
    verify_key: Optional[str] = None,
    expect: Optional[str] = None,
    progress: Optional[Progress] = None,
    timeout: Optional[float] = None,
    max_memory: int = MAX_MEMORY,
) -> Verified:
    """Checks bundles. Without a key: is each byte what the exporter wrote, is each complete, and does each lead on from the
    one before it? Deltas by themselves will do. With `verify_key`: was it signed by that one? With the recovery key: can all
    of it be opened and decoded, and does it lead to the state that it says? That gives a `Summary`.

    The other arguments, and errors, are those of `recover`; it needs little memory.
    """
    if key is not None and verify_key is not None:
        raise MisuseError("the recovery key tells the verify key: give key or verify_key")
    text = verify_text(bundles, key, verify_key, expect, progress, Limits(max_memory, timeout), True)
    return _reports.verified(json.loads(text)) if key is None else Summary._of(json.loads(text))


def info(
    bundles: Bundles,
    key: str,
    *,
    progress: Optional[Progress] = None,
    timeout: Optional[float] = None,
    max_memory: int = MAX_MEMORY,
) -> Summary:
    """What is inside of a bundle or a chain. Checks all that `verify` checks with the recovery key."""
    return verify(bundles, key=key, progress=progress, timeout=timeout, max_memory=max_memory)


def rows(
    bundles: Bundles,
    key: str,
    *,
    expect: Optional[str] = None,
    progress: Optional[Progress] = None,
    timeout: Optional[float] = None,
    max_memory: int = MAX_MEMORY,
) -> Generator[Batch, None, Summary]:
    """Gives the rows of a bundle, or of the last state of a chain, in batches, table by table in the byte order of their
    names: for databases of any size, in flat memory but for the deltas and the longest value.

    Every row is one that the recovery key opened, but only the end proves that none is missing, and raises an `Error`
    otherwise: insert them within a transaction, and commit after the loop. The generator returns the `Summary`.

    The arguments are those of `recover`. The seconds of `timeout` begin with the first batch asked for.
    """
    lines = row_lines(bundles, key, expect, progress, Limits(max_memory, timeout))
    with closing(lines):
        return (yield from batches(lines))


def recover_text(
    bundles: Bundles,
    key: str,
    path: Union[str, os.PathLike[str]],
    expect: Optional[str],
    page_size: Optional[int],
    replace: bool,
    progress: Optional[Progress],
    limits: Limits,
    as_json: bool,
) -> str:
    """`recover`, with the report as the command gives it."""
    sources = _Sources(bundles)
    options = _options(as_json, expect=expect)
    if page_size is not None:
        if page_size not in [512 << power for power in range(8)]:
            raise MisuseError("page_size is a power of two from 512 to 65536")
        options.append(f"--page-size={page_size}")
    text = _key_text(key)
    with Target(os.fspath(path), sources.real, replace) as target:
        guest = "/target/" + DRAFT
        arguments = ["recover", *sources.guests, "--key-file=-", f"--out={guest}", *options]
        directories = [*sources.directories, Directory(target.directory, "/target", True)]
        names = {**sources.names, guest: target.shown}
        report = b"".join(run(arguments, directories, text, limits, progress, names)).decode()
        target.publish()
    return report


def verify_text(
    bundles: Bundles,
    key: Optional[str],
    verify_key: Optional[str],
    expect: Optional[str],
    progress: Optional[Progress],
    limits: Limits,
    as_json: bool,
) -> str:
    """`verify`, with the report as the command gives it."""
    sources = _Sources(bundles)
    options = _options(as_json, expect=expect, verify_key=verify_key)
    text = None
    if key is not None:
        text = _key_text(key)
        options.append("--key-file=-")
    report = b"".join(run(["verify", *sources.guests, *options], sources.directories, text, limits, progress, sources.names)).decode()
    for guest, name in sources.names.items():
        # Of a chain, the report for people names the files.
        report = report.replace(f"bundle       {guest}\n", f"bundle       {name}\n")
    return report


def row_lines(
    bundles: Bundles, key: str, expect: Optional[str], progress: Optional[Progress], limits: Limits
) -> Generator[bytes, None, None]:
    """`rows`, as the command writes them, in pieces cut anywhere."""
    sources = _Sources(bundles)
    arguments = ["rows", *sources.guests, "--key-file=-", *_options(False, expect=expect)]
    return run(arguments, sources.directories, _key_text(key), limits, progress, sources.names)


class _Sources:
    """The files of a chain: where they are, and by which names the command sees them. It may read their directories."""

    def __init__(self, bundles: Bundles) -> None:
        paths = [bundles] if isinstance(bundles, (str, bytes, os.PathLike)) else list(bundles)
        if not all(isinstance(path, (str, os.PathLike)) for path in paths):
            raise TypeError("bundles are given by their paths: one, or those of a chain, oldest first")
        if not paths:
            raise MisuseError("a chain has at least one bundle")
        self.real: list[str] = []
        self.guests: list[str] = []
        self.names: dict[str, str] = {}
        known: dict[str, Directory] = {}
        for path in paths:
            name = os.fspath(path)
            real = _regular_file(name)
            host, base = os.path.split(real)
            directory = known.setdefault(host, Directory(host, f"/bundles/{len(known)}", False))
            guest = f"{directory.guest}/{base}"
            self.real.append(real)
            self.guests.append(guest)
            self.names[guest] = name
        self.directories = list(known.values())


def _regular_file(name: str) -> str:
    """The path to which this one leads."""
    try:
        # Symbolic links are followed here, since the command could not follow them out of its directories.
        real = os.path.realpath(name)
        real.encode()
        if not stat.S_ISREG(os.stat(real).st_mode):
            raise MisuseError(f"'{name}' is no regular file")
    except OSError as error:
        raise HostError(f"the bundle '{name}' cannot be read: {error.strerror}") from None
    except ValueError:
        raise MisuseError(f"{name!r} cannot be the path of a bundle: it has to be UTF-8") from None
    return real


def _options(as_json: bool, **texts: Optional[str]) -> list[str]:
    for name, text in texts.items():
        # An argument of the command would end there.
        if text is not None and "\0" in text:
            raise MisuseError(f"{name} has a NUL character in it")
    given = [f"--{name.replace('_', '-')}={text}" for name, text in texts.items() if text is not None]
    return [*given, "--json"] if as_json else given


def _key_text(key: str) -> str:
    form, _, rest = key.partition(":")
    if form == "file":
        try:
            with open(rest, encoding="ascii", errors="replace") as file:
                text = file.read(_MAX_KEY + 1)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise HostError(f"the key's file '{rest}' cannot be read: {why}") from None
    elif form == "env":
        if rest not in os.environ:
            raise HostError(f"the environment variable '{rest}' with the key is not set")
        text = os.environ[rest]
    else:
        text = key
    if len(text) > _MAX_KEY or not text.isascii():
        raise MisuseError("that is no recovery key, which is a short text that begins with lifeboatkey1")
    return text
