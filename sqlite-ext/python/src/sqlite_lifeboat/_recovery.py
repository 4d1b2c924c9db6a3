"""Verifies bundles, looks into them, and recovers what is in them. Needs no SQLite."""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Generator, Iterable
from contextlib import closing
from typing import Any, Literal, Optional, Union, overload

from . import _reports
from ._arguments import Key, Progress, check_flag, check_options, key_of, option_text, path_of
from ._command import Directory, Limits, run
from ._copies import Copies, Save, Series
from ._errors import HostError, MisuseError
from ._reindex import reindex as run_reindex
from ._reports import Batch, Recovered, Salvaged, SalvagedDatabase, Summary, Verified
from ._rows import batches
from ._target import DRAFT, Target

#: The path of a full bundle; or those of a chain: a full bundle and the deltas that lead on from it, oldest first. Or copies
#: of a series: `Copies`, or the path of a directory, or `dir:PATH` as `save` takes it.
Bundles = Union[str, "os.PathLike[str]", Iterable[Union[str, "os.PathLike[str]"]], Copies]

#: All the memory that the recovery can address.
MAX_MEMORY = 4 << 30


@overload
def recover(
    bundles: Bundles,
    key: Key,
    path: Union[str, os.PathLike[str]],
    *,
    expect: Optional[str] = None,
    page_size: Optional[int] = None,
    replace: bool = False,
    reindex: bool = False,
    skip_indexes: bool = False,
    salvage: Literal[False] = False,
    progress: Optional[Progress] = None,
    timeout: Optional[float] = None,
    max_memory: int = MAX_MEMORY,
) -> Recovered: ...
@overload
def recover(
    bundles: Bundles,
    key: Key,
    path: Union[str, os.PathLike[str]],
    *,
    expect: None = None,
    page_size: Optional[int] = None,
    replace: bool = False,
    reindex: bool = False,
    skip_indexes: bool = False,
    salvage: Literal[True],
    progress: Optional[Progress] = None,
    timeout: Optional[float] = None,
    max_memory: int = MAX_MEMORY,
) -> SalvagedDatabase: ...
def recover(
    bundles: Bundles,
    key: Key,
    path: Union[str, os.PathLike[str]],
    *,
    expect: Optional[str] = None,
    page_size: Optional[int] = None,
    replace: bool = False,
    reindex: bool = False,
    skip_indexes: bool = False,
    salvage: bool = False,
    progress: Optional[Progress] = None,
    timeout: Optional[float] = None,
    max_memory: int = MAX_MEMORY,
) -> Union[Recovered, SalvagedDatabase]:
    """Recovers the database file of a bundle, or the last state of a chain, after proving that it holds that very state.

    The file appears at `path` complete or not at all: it is made, and synced, in a temporary directory beside it
    (`.lifeboat-*.partial`). A process that is killed leaves that behind, and the next recovery into the same place removes
    it. The file is readable by its owner alone.

    `key`: the text of the recovery key, or of the write key or the read key of the domain; `file:PATH` or a `Path`, a file
    that has it; `env:NAME`, an environment variable.
    `expect`: the state id that it must have. `page_size`: a power of two from 512 to 65536; 4096 unless told. `replace`: a
    file that is at `path` may be replaced; its owner and mode stay; no program may have it open. What holds a recovery key,
    a bundle or a ledger is never replaced. `progress(phase, done, total)` is called with the phases `reading`, `building`,
    `writing`, `reindexing` and bytes; what it raises ends the work. `timeout`: seconds. `max_memory`: bytes; the recovery
    needs about twice the size of the file, so that files up to about 2 GB are possible; for larger ones there is `rows`.

    `reindex`: the SQLite of this Python computes the indexes on expressions and the partial ones anew before the file gets
    its name, so that they are right for it, whatever the SQLite inside the component made of them (`Recovered.advice`). It
    evaluates expressions that stand in the bundle: give it for bundles that you made.

    `skip_indexes`: leaves out, and lists in `Recovered.left_out`, the indexes that the SQLite inside the component cannot
    build: those under a collation of the application, or with a function that this SQLite lacks.

    `bundles` may be `Copies`, or the directory of a copy: then the newest state is recovered, and if it cannot be had, the next
    older one that can. **`summary.series.older` tells**, and `summary.series` has which save it is, and what was left out.

    `salvage`: of bundles that are damaged, builds a database of what they still prove, and gives a `SalvagedDatabase`, which
    lists what is missing. Look for another copy first. The bundles are held in memory. What is salvaged has no state id, so
    that `expect` cannot be given.

    Raises `Error`; its subclasses tell what to do. KeyboardInterrupt stops it, and leaves nothing behind.
    """
    check_options(progress, timeout, max_memory)
    check_flag(replace, "replace")
    check_flag(skip_indexes, "skip_indexes")
    check_flag(reindex, "reindex")
    _check_salvage(salvage, expect)
    limits = Limits(max_memory, timeout)
    of: Any = SalvagedDatabase._of if salvage else Recovered._of
    sources = Sources(bundles)
    report = recover_report(
        sources, key, path, expect, page_size, replace, reindex, skip_indexes, salvage, progress, limits
    )
    found: Union[Recovered, SalvagedDatabase] = of(report, Series._of(report.get("series"), sources.names))
    return found


@overload
def verify(
    bundles: Bundles,
    *,
    key: Key,
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
    key: Optional[Key] = None,
    verify_key: Optional[str] = None,
    expect: Optional[str] = None,
    progress: Optional[Progress] = None,
    timeout: Optional[float] = None,
    max_memory: int = MAX_MEMORY,
) -> Verified:
    """Checks bundles. Without a key: is each byte what the exporter wrote, is each complete, and does each lead on from the
    one before it? Deltas by themselves will do. With `verify_key`: was it signed by that one? With the recovery key: can all
    of it be opened and decoded, and does it lead to the state that it says? That gives a `Summary`.

    The other arguments, and errors, are those of `recover`; it needs little memory. Without a recovery key the phase is
    `checking`.
    """
    if key is not None and verify_key is not None:
        raise MisuseError("the recovery key tells the verify key: give key or verify_key")
    check_options(progress, timeout, max_memory)
    sources = Sources(bundles)
    report = json.loads(verify_text(sources, key, verify_key, expect, progress, Limits(max_memory, timeout), True))
    series = Series._of(report.get("series"), sources.names)
    return _reports.verified(report, series) if key is None else Summary._of(report, series)


@overload
def info(
    bundles: Bundles,
    key: Key,
    *,
    salvage: Literal[False] = False,
    progress: Optional[Progress] = None,
    timeout: Optional[float] = None,
    max_memory: int = MAX_MEMORY,
) -> Summary: ...
@overload
def info(
    bundles: Bundles,
    key: Key,
    *,
    salvage: Literal[True],
    progress: Optional[Progress] = None,
    timeout: Optional[float] = None,
    max_memory: int = MAX_MEMORY,
) -> Salvaged: ...
def info(
    bundles: Bundles,
    key: Key,
    *,
    salvage: bool = False,
    progress: Optional[Progress] = None,
    timeout: Optional[float] = None,
    max_memory: int = MAX_MEMORY,
) -> Union[Summary, Salvaged]:
    """What is inside of a bundle or a chain. Checks all that `verify` checks with the recovery key. `salvage`: what damaged
    bundles still prove, and what is missing, as a `Salvaged`."""
    if key is None:
        key_of(key)
    _check_salvage(salvage, None)
    if salvage:
        check_options(progress, timeout, max_memory)
        return Salvaged._of(json.loads(salvage_text(Sources(bundles), key, progress, Limits(max_memory, timeout), True)))
    return verify(bundles, key=key, progress=progress, timeout=timeout, max_memory=max_memory)


@overload
def rows(
    bundles: Bundles,
    key: Key,
    *,
    expect: Optional[str] = None,
    salvage: Literal[False] = False,
    progress: Optional[Progress] = None,
    timeout: Optional[float] = None,
    max_memory: int = MAX_MEMORY,
) -> Generator[Batch, None, Summary]: ...
@overload
def rows(
    bundles: Bundles,
    key: Key,
    *,
    expect: None = None,
    salvage: Literal[True],
    progress: Optional[Progress] = None,
    timeout: Optional[float] = None,
    max_memory: int = MAX_MEMORY,
) -> Generator[Batch, None, Salvaged]: ...
def rows(
    bundles: Bundles,
    key: Key,
    *,
    expect: Optional[str] = None,
    salvage: bool = False,
    progress: Optional[Progress] = None,
    timeout: Optional[float] = None,
    max_memory: int = MAX_MEMORY,
) -> Generator[Batch, None, Union[Summary, Salvaged]]:
    """Gives the rows of a bundle, or of the last state of a chain, in batches, table by table in the byte order of their
    names: for databases of any size, in flat memory but for the deltas and the longest value.

    Every row is one that the recovery key opened, but only the end proves that none is missing, and raises an `Error`
    otherwise: insert them within a transaction, and commit after the loop. The generator returns the `Summary`.

    `salvage`: the rows that damaged bundles still prove; it returns a `Salvaged`, which lists what is missing. Where the schema
    is among that, `Batch.columns` is empty, and a row has all stored values, those of the primary key first.

    The arguments are those of `recover`. The seconds of `timeout` begin with the first batch asked for.
    """
    check_options(progress, timeout, max_memory)
    _check_salvage(salvage, expect)
    sources = Sources(bundles)
    lines = row_lines(sources, key, expect, salvage, progress, Limits(max_memory, timeout))
    with closing(lines):
        return (yield from batches(lines, sources.names))


def saves(
    copies: Union[str, os.PathLike[str], Copies],
    key: Key,
    *,
    progress: Optional[Progress] = None,
    timeout: Optional[float] = None,
    max_memory: int = MAX_MEMORY,
) -> Generator[Save, None, None]:
    """Gives the saves in copies, the newest first. `key` may be a verify key, too; then no date is known. The other arguments are
    those of `recover`."""
    check_options(progress, timeout, max_memory)
    sources = Sources(copies)
    if not sources.is_copies:
        raise MisuseError("saves are in copies: give Copies, or the directory of a copy")
    lines = save_lines(sources, key, True, progress, Limits(max_memory, timeout))
    rest = b""
    with closing(lines):
        for piece in lines:
            *whole, rest = (rest + piece).split(b"\n")
            for line in whole:
                yield Save._of(json.loads(line))


def recover_report(
    sources: Sources,
    key: Key,
    path: Union[str, os.PathLike[str]],
    expect: Optional[str],
    page_size: Optional[int],
    replace: bool,
    reindex: bool,
    skip_indexes: bool,
    salvage: bool,
    progress: Optional[Progress],
    limits: Limits,
    incomplete: Optional[list[str]] = None,
) -> dict[str, Any]:
    """`recover`, with the report as JSON: that of the command, and `reindexed-by`. `incomplete` gets why it is not all."""
    deadline = None if limits.timeout is None else time.monotonic() + limits.timeout
    options = sources.options + _options(True, expect=option_text(expect, "expect"))
    if page_size is not None:
        if isinstance(page_size, bool) or page_size not in [512 << power for power in range(8)]:
            raise MisuseError(f"page size {page_size}: give a power of two from 512 to 65536")
        options.append(f"--page-size={page_size}")
    if skip_indexes:
        options.append("--skip-indexes")
    if salvage:
        options.append("--salvage")
    shown = path_of(path, "the database")
    sources.refuse_target(shown)
    text, key_file = key_of(key)
    with Target(shown, sources.real, key_file, replace) as target:
        guest = "/target/" + DRAFT
        arguments = ["recover", *sources.guests, "--key-file=-", f"--out={guest}", *options]
        directories = [*sources.directories, Directory(target.directory, "/target", True)]
        names = {**sources.names, guest: target.shown}
        pieces = run(arguments, directories, text, limits, progress, names, incomplete)
        report: dict[str, Any] = json.loads(b"".join(pieces))
        report["reindexed-by"] = None
        indexes = list(dict.fromkeys(report["expression-indexes"] + report["partial-indexes"]))
        if reindex and indexes:
            report["reindexed-by"] = run_reindex(target.draft, indexes, deadline, progress)
            report["size"] = os.path.getsize(target.draft)
            report["advice"] = _reports.advice(
                report["sqlite-version"], [], report["stored-columns"], report["left-out"]
            )
        target.publish()
    return report


def verify_text(
    sources: Sources,
    key: Optional[Key],
    verify_key: Optional[str],
    expect: Optional[str],
    progress: Optional[Progress],
    limits: Limits,
    as_json: bool,
    incomplete: Optional[list[str]] = None,
) -> str:
    """`verify`, with the report as the command gives it."""
    signer = None if verify_key is None else _one_line(key_of(verify_key, "verify key")[0])
    options = sources.options + _options(as_json, expect=option_text(expect, "expect"), verify_key=signer)
    text = None
    if key is not None:
        text, _ = key_of(key)
        options.append("--key-file=-")
    arguments = ["verify", *sources.guests, *options]
    report = b"".join(run(arguments, sources.directories, text, limits, progress, sources.names, incomplete)).decode()
    for guest, name in sources.names.items():
        # Of a chain, the report for people names the files.
        report = report.replace(f"bundle       {guest}\n", f"bundle       {name}\n")
        report = report.replace(f"bundle       {guest}/", f"bundle       {name}/")
    return report


def salvage_text(
    sources: Sources,
    key: Key,
    progress: Optional[Progress],
    limits: Limits,
    as_json: bool,
    incomplete: Optional[list[str]] = None,
) -> str:
    """`info` with `salvage`, with the report as the command gives it."""
    arguments = ["info", *sources.guests, *sources.options, "--salvage", "--key-file=-", *_options(as_json)]
    text, _ = key_of(key)
    return b"".join(run(arguments, sources.directories, text, limits, progress, sources.names, incomplete)).decode()


def row_lines(
    sources: Sources,
    key: Key,
    expect: Optional[str],
    salvage: bool,
    progress: Optional[Progress],
    limits: Limits,
    incomplete: Optional[list[str]] = None,
) -> Generator[bytes, None, None]:
    """`rows`, as the command writes them, in pieces cut anywhere."""
    arguments = ["rows", *sources.guests, *sources.options, "--key-file=-"]
    arguments += _options(False, expect=option_text(expect, "expect"))
    if salvage:
        arguments.append("--salvage")
    return run(arguments, sources.directories, key_of(key)[0], limits, progress, sources.names, incomplete)


def save_lines(
    sources: Sources, key: Key, as_json: bool, progress: Optional[Progress], limits: Limits
) -> Generator[bytes, None, None]:
    """`saves`, as the command writes them, in pieces cut anywhere."""
    text, _ = key_of(key)
    compact = _one_line(text)
    is_public = compact.lower().startswith("lifeboatverify1")
    given = f"--verify-key={compact}" if is_public else "--key-file=-"
    arguments = ["log", *sources.guests, *sources.options, given, *_options(as_json)]
    return run(arguments, sources.directories, None if is_public else text, limits, progress, sources.names)


class Sources:
    """The files of a chain, or the directories of copies: where they are, and by which names the command sees them. It may read
    their directories."""

    def __init__(self, bundles: Bundles) -> None:
        self.options: list[str] = []
        bundles = _named_stores(bundles)
        if isinstance(bundles, (str, os.PathLike)) and os.path.isdir(bundles):
            bundles = Copies(bundles)
        self.is_copies = isinstance(bundles, Copies)
        if isinstance(bundles, Copies):
            self._set_copies(bundles)
            return
        is_one = isinstance(bundles, (str, bytes, bytearray, memoryview, os.PathLike)) or not isinstance(bundles, Iterable)
        given: Iterable[object] = [bundles] if is_one else bundles  # type: ignore[assignment]
        paths = [path_of(path, "a bundle") for path in given]
        if not paths:
            raise MisuseError("a chain has at least one bundle")
        self.real: list[str] = []
        self.guests: list[str] = []
        self.names: dict[str, str] = {}
        known: dict[str, Directory] = {}
        for name in paths:
            real = _regular_file(name)
            host, base = os.path.split(real)
            directory = known.setdefault(host, Directory(host, f"/bundles/{len(known)}", False))
            guest = f"{directory.guest}/{base}"
            self.real.append(real)
            self.guests.append(guest)
            self.names[guest] = name
        self.directories = list(known.values())

    def refuse_target(self, path: str) -> None:
        """A database must not be written into a copy."""
        if not self.is_copies:
            return
        target = os.path.normcase(os.path.realpath(path))
        if any(target.startswith(os.path.normcase(os.path.join(real, ""))) for real in self.real):
            raise MisuseError(
                f"'{path}' lies in a copy: what is there belongs to its store, and may be sent elsewhere; give another path"
            )

    def _set_copies(self, copies: Copies) -> None:
        self.options = copies.options
        self.guests = [f"/copies/{number}" for number in range(len(copies.directories))]
        self.names = dict(zip(self.guests, copies.directories))
        self.real = list(map(os.path.realpath, copies.directories))
        for name in copies.directories:
            if not os.path.isdir(name):
                raise HostError(f"the copy '{name}' cannot be read: there is no such directory; give the directory of a copy")
        self.directories = [Directory(real, guest, False) for real, guest in zip(self.real, self.guests)]


def _named_stores(bundles: Bundles) -> Bundles:
    """Copies, if these are names of stores."""
    names = bundles if isinstance(bundles, (list, tuple)) else [bundles]
    for name in names:
        if isinstance(name, str) and name.startswith(("s3:", "volume:")):
            raise MisuseError(
                f"'{name}' is a store that the extension alone reaches, and this reads files and directories; call restore(db, stores, "
                "key), or give 'dir:PATH'"
            )
    texts = [name for name in names if isinstance(name, str) and name.startswith("dir:")]
    return Copies(*texts) if texts and len(texts) == len(names) else bundles


def _regular_file(name: str) -> str:
    """The path to which this one leads."""
    try:
        # Symbolic links are followed here, since the command could not follow them out of its directories.
        real = os.path.realpath(name)
        real.encode()
        if not stat.S_ISREG(os.stat(real).st_mode):
            raise MisuseError(f"the bundle '{name}' cannot be read: it is not a regular file; give the path of a bundle")
    except OSError as error:
        raise HostError(f"the bundle '{name}' cannot be read: {error.strerror}") from None
    except ValueError:
        raise MisuseError(f"{name!r} cannot be the path of a bundle: it has to be UTF-8") from None
    return real


def _check_salvage(salvage: object, expect: object) -> None:
    check_flag(salvage, "salvage")
    if salvage and expect is not None:
        raise MisuseError("salvage and expect exclude one another: what is salvaged has the id of no state")


def _options(as_json: bool, **texts: Optional[str]) -> list[str]:
    given = [f"--{name.replace('_', '-')}={text}" for name, text in texts.items() if text is not None]
    return [*given, "--json"] if as_json else given


def _one_line(text: str) -> str:
    return "".join(text.split())
