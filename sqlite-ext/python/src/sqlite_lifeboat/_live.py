"""Saves, restores, checks and prunes: the SQL functions of the extension, as functions of Python.

A function that takes a database takes an open connection of `sqlite3` or `apsw`, which gets the extension if it has it not; or
the path of a database file, which is opened for the call and closed after it. Options are those of the SQL function; None means
that one is not given. Each raises an `Error`, whose subclass says what to do. KeyboardInterrupt ends each of them.
"""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Iterable, Mapping
from typing import Any, Literal, Optional, Union

from ._errors import MisuseError
from ._places import AnyKey, PathText, Source, Stores, key_text, path_text, selector_of, source_value, stores_text
from ._protections import hold, release
from ._results import (
    Event,
    Exported,
    LogEntry,
    Protected,
    Pruned,
    Restored,
    RestoredAll,
    Saved,
    Scrubbed,
    Status,
    Unprotected,
)
from ._sql import AnyDatabase, call, given, options_of, report

#: Now, a text of RFC 3339, seconds since 1970, or a `datetime` that knows its time zone.
Date = Union[str, int, float, datetime.datetime]

_Compress = Union[str, Mapping[str, str]]


def save(
    db: AnyDatabase,
    key: AnyKey,
    stores: Stores,
    *,
    minimum: Optional[int] = None,
    add: Optional[bool] = None,
    continue_from: Optional[str] = None,
    local: Optional[PathText] = None,
    timeout: Optional[float] = None,
    date: Optional[Date] = None,
    writer: Optional[str] = None,
    label: Optional[str] = None,
    events: Optional[Mapping[str, Any]] = None,
    schema: Optional[str] = None,
    domain: Optional[str] = None,
    compress: Optional[_Compress] = None,
    tables: Optional[Iterable[str]] = None,
    exclude: Optional[Iterable[str]] = None,
    where: Optional[Mapping[str, str]] = None,
    cache: Optional[Iterable[str]] = None,
    now: Union[int, float, str, None] = None,
    closure: Optional[bool] = None,
    threads: Optional[int] = None,
    check: Optional[bool] = None,
) -> Saved:
    """Saves what is committed to all copies in `stores`, in one call. When it returns, at least `minimum` copies hold the state,
    synced, and each of them alone restores it. Otherwise it raises an error; then nothing is lost, and the same call goes on.

    `key`: the text of the recovery key or a write key; a `Path` or `file:PATH`, its file; `env:NAME`. `stores`: `dir:PATH` or a
    `Path`, a directory; `volume:LABEL`; `s3://BUCKET/PREFIX?…`; a list of them; or `file:CONFIG.json`.

    `minimum`: more than half of the copies unless told. `add`: also fill copies that are new, lost or rolled back.
    `continue_from`: after a fork, the hash of the record after which this state comes; `continue` in SQL. `timeout`: for how
    many seconds a copy may stand still (30). `date`, `writer`, `label`: for holders of the key alone. `events`: the settings of
    events. The others choose what is saved, as in `export`; `local` is the directory of the local state.

    `UnreachableError`: fewer copies than the minimum hold it. `MismatchError`: there is something to decide. `BusyError`: another
    save runs. No progress is told: the extension has none.
    """
    options = options_of(
        {
            "add": add,
            "continue": continue_from,
            "date": _date("save", date),
            **_saving(minimum, local, timeout, writer, label, events),
            **_what(schema, domain, compress, tables, exclude, where, cache, now, closure, threads, check),
        }
    )
    return Saved._of(report("save", given("save", db), [key_text("save", key), stores_text("save", stores), options]))


def save_files(
    files: Union[Iterable[PathText], Mapping[str, PathText]],
    key: AnyKey,
    stores: Stores,
    *,
    domain: str,
    local: PathText,
    minimum: Optional[int] = None,
    add: Optional[bool] = None,
    continue_from: Optional[str] = None,
    timeout: Optional[float] = None,
    date: Optional[Date] = None,
    writer: Optional[str] = None,
    label: Optional[str] = None,
    events: Optional[Mapping[str, Any]] = None,
    compress: Optional[_Compress] = None,
    threads: Optional[int] = None,
) -> Saved:
    """Saves files as a series of their own: paths, or a mapping from names to paths. Each save says all of them.

    `domain`: one that no database has. `local`: a directory for the local state. The other arguments are those of `save`;
    `restore_all` brings the files back.
    """
    if isinstance(files, (str, bytes, os.PathLike)):
        raise MisuseError("save_files: the files are one path; give a list of paths, or a mapping from names to paths")
    options = options_of(
        {
            "files": dict(files) if isinstance(files, Mapping) else list(files),
            "domain": domain,
            "add": add,
            "continue": continue_from,
            "date": _date("save_files", date),
            **_saving(minimum, local, timeout, writer, label, events),
            "compress": compress,
            "threads": threads,
        }
    )
    arguments = [key_text("save_files", key), stores_text("save_files", stores), options]
    ((text,),) = call("save_files", None, "SELECT backup_save(?, ?, ?)", arguments)
    return Saved._of(json.loads(text))


def protect(
    db: AnyDatabase,
    key: AnyKey,
    stores: Stores,
    *,
    rollback: Optional[bool] = None,
    read_all_every: Optional[float] = None,
    minimum: Optional[int] = None,
    local: Optional[PathText] = None,
    timeout: Optional[float] = None,
    writer: Optional[str] = None,
    label: Optional[str] = None,
    events: Optional[Mapping[str, Any]] = None,
    schema: Optional[str] = None,
    domain: Optional[str] = None,
    compress: Optional[_Compress] = None,
    tables: Optional[Iterable[str]] = None,
    exclude: Optional[Iterable[str]] = None,
    where: Optional[Mapping[str, str]] = None,
    cache: Optional[Iterable[str]] = None,
    now: Union[int, float, str, None] = None,
    closure: Optional[bool] = None,
    threads: Optional[int] = None,
    check: Optional[bool] = None,
) -> Protected:
    """Saves the database by itself from now on, after commits of any process, on a thread of its own. Call it once at each start.

    It lasts as long as the connection is open. Of a path, this package keeps a connection open, until `unprotect` of the same
    path, or until the process ends. What was committed in the last moments is not saved then: **`save` alone says that
    something is safe.** The database needs a write-ahead log (`PRAGMA journal_mode = WAL`), or `rollback=True`.

    A save reads only the rows that can have changed. After `read_all_every` seconds (six hours, if not given) one reads all rows.

    A store that does not answer is no error here: look at `status(db).protection`. The other arguments are those of `save`. Use a
    write key if you can: the key stays in the memory of the process.
    """
    options = options_of(
        {
            "rollback": rollback,
            "read_all_every": read_all_every,
            **_saving(minimum, local, timeout, writer, label, events),
            **_what(schema, domain, compress, tables, exclude, where, cache, now, closure, threads, check),
        }
    )
    arguments = [key_text("protect", key), stores_text("protect", stores), options]
    if isinstance(db, (str, bytes, os.PathLike)):
        return Protected._of(hold(db, arguments))
    return Protected._of(report("protect", given("protect", db), arguments))


def unprotect(db: AnyDatabase) -> Unprotected:
    """Ends what `protect` of this connection, or of this path, began; and saves nothing. The thread has ended when it returns."""
    if isinstance(db, (str, bytes, os.PathLike)):
        return Unprotected._of(release(db))
    return Unprotected._of(report("unprotect", given("unprotect", db), []))


def status(
    db: Optional[AnyDatabase],
    stores: Optional[Stores] = None,
    key: Optional[AnyKey] = None,
    *,
    schema: Optional[str] = None,
    local: Optional[PathText] = None,
    domain: Optional[str] = None,
) -> Status:
    """How the saves of the database stand: from its local state alone, in less than a millisecond; or, with `stores` and a `key`, also
    what the stores hold now. A verify key is enough for that. `db`: None on a machine that has the stores alone."""
    options = options_of({"schema": schema, "local": local, "domain": domain})
    if (stores is None) != (key is None):
        raise MisuseError("status: to ask the stores, give stores and key; for the local state alone, neither of them")
    if stores is None or key is None:
        return Status._of(report("status", db, [options]))
    return Status._of(report("status", db, [stores_text("status", stores), key_text("status", key), options]))


def log(stores: Stores, key: Optional[AnyKey] = None) -> list[LogEntry]:
    """The saves in the stores, the newest first, from all copies together. `key`: one that reads, or a verify key; without a key
    it is what somebody signed. The date, writer and label are known with a key that reads."""
    arguments: list[object] = [stores_text("log", stores)]
    if key is not None:
        arguments.append(key_text("log", key))
    # JSON, whatever a connection makes of texts. The columns `metadata` and `bundle` would fetch bundles.
    columns = "number, record, state_id, type, bytes, sha256, uuid, date, writer, label, json(copies)"
    rows = call("log", None, f"SELECT json_array({columns}) FROM backup_log({', '.join('?' * len(arguments))})", arguments)
    return [LogEntry._of_row(json.loads(text)) for (text,) in rows]


def events(db: Optional[AnyDatabase] = None, *, local: Optional[PathText] = None, after: int = 0) -> list[Event]:
    """What happened where this database is saved, the oldest first; or in the directory `local` of a place that checks. `after`: the
    number of the last event that you have seen."""
    if (db is None) == (local is None):
        raise MisuseError("events: give the database, or local, the directory of its local state")
    if isinstance(after, bool) or not isinstance(after, int):
        raise MisuseError("events: after is the number of an event: 0, 1, 2, ...")
    columns = "number, date, level, kind, json(about), log"
    place = None if local is None else os.fspath(local)
    rows = call("events", db, f"SELECT json_array({columns}) FROM backup_events(?, ?)", [place, after])
    return [Event(*json.loads(text)) for (text,) in rows]


def scrub(
    stores: Stores,
    key: AnyKey,
    *,
    level: Optional[Literal["list", "hashes", "contents", "restore"]] = None,
    domain: Optional[str] = None,
    repair: Optional[bool] = None,
    add: Optional[bool] = None,
    seconds: Optional[float] = None,
    cursor: Optional[str] = None,
    local: Optional[PathText] = None,
    events: Optional[Mapping[str, Any]] = None,
) -> Scrubbed:
    """Checks all copies of all series of the key, and with `repair` heals them from one another. A verify key is enough for the
    levels `list` (the default) and `hashes`. What is wrong in a copy is no error: **look at `sound`**.

    `add`: with `repair`, also fill stores that hold nothing of a series. `seconds`: about how long it may take; `cursor`: where an
    earlier call stopped. `local`: a directory in which this place keeps its events, and what it read when.
    """
    options = options_of(
        {
            "level": level,
            "domain": domain,
            "repair": repair,
            "add": add,
            "seconds": seconds,
            "cursor": cursor,
            "local": local,
            "events": events,
        }
    )
    return Scrubbed._of(report("scrub", None, [stores_text("scrub", stores), key_text("scrub", key), options]))


def prune(
    stores: Stores,
    key: AnyKey,
    *,
    keep: Optional[Mapping[str, int]] = None,
    copy: Optional[PathText] = None,
    dry_run: bool = True,
    minimum: Optional[int] = None,
    force: Optional[bool] = None,
    domain: Optional[str] = None,
    local: Optional[PathText] = None,
) -> Pruned:
    """Deletes old saves from all copies, after proving what stays. **It deletes nothing unless `dry_run` is False.**

    `keep`: `{"last": 30, "daily": 30, "weekly": 8, "monthly": 24, "yearly": 5}`, one of them or more. `copy`: in place of `keep`,
    the store whose copy goes as a whole. `force`: do what is refused otherwise; the report has the reasons. `key`: the recovery
    key or the write key.
    """
    if not (keep is None or isinstance(keep, Mapping)):
        raise MisuseError('prune: keep is a mapping, such as {"last": 30, "monthly": 12}')
    place = None if copy is None else stores_text("prune", copy)
    options = options_of(
        {
            "keep": None if keep is None else dict(keep),
            "copy": place,
            "dry_run": dry_run,
            "minimum": minimum,
            "force": force,
            "domain": domain,
            "local": local,
        }
    )
    return Pruned._of(report("prune", None, [stores_text("prune", stores), key_text("prune", key), options]))


def export(
    db: AnyDatabase,
    key: AnyKey,
    path: PathText,
    *,
    replace: Optional[bool] = None,
    base: Union[PathText, Iterable[PathText], None] = None,
    ledger: Optional[PathText] = None,
    schema: Optional[str] = None,
    domain: Optional[str] = None,
    compress: Optional[_Compress] = None,
    tables: Optional[Iterable[str]] = None,
    exclude: Optional[Iterable[str]] = None,
    where: Optional[Mapping[str, str]] = None,
    cache: Optional[Iterable[str]] = None,
    now: Union[int, float, str, None] = None,
    closure: Optional[bool] = None,
    threads: Optional[int] = None,
    check: Optional[bool] = None,
) -> Exported:
    """Writes what is committed into one bundle, a file at `path`, which appears complete or not at all.

    With `base` (a bundle or a chain) or `ledger` (a small local file) it is a delta: what changed since. `tables`, `exclude`,
    `where`, `cache` choose a part of the database, `now` is `:now` in conditions, and `closure` adds the rows to which others
    refer. `compress`: `zstd` or `none`, or a mapping from tables to these. `threads`: 1 to 3. `check`: whether SQLite checks the
    database first. `domain`: a name, `default` unless told. `schema`: an attached database.
    """
    bases: object = base
    if base is not None and not isinstance(base, (str, os.PathLike)):
        bases = list(base)
    options = options_of(
        {
            "replace": replace,
            "base": bases,
            "ledger": ledger,
            **_what(schema, domain, compress, tables, exclude, where, cache, now, closure, threads, check),
        }
    )
    return Exported._of(report("export", given("export", db), [key_text("export", key), path_text("export", path), options]))


def restore(
    db: AnyDatabase,
    source: Source,
    key: AnyKey,
    *,
    seq: Optional[int] = None,
    state: Optional[str] = None,
    at: Optional[str] = None,
    replace: Optional[bool] = None,
    resume: Optional[bool] = None,
    or_new: Optional[bool] = None,
    expect: Optional[str] = None,
    schema: Optional[str] = None,
    domain: Optional[str] = None,
    skip_indexes: Optional[bool] = None,
    max_bytes: Optional[int] = None,
    salvage: Optional[bool] = None,
    local: Optional[PathText] = None,
    trusted: Optional[bool] = None,
) -> Restored:
    """Restores into the database, in one transaction, what is in stores, in a bundle, or in a chain. A file that is missing is made.

    The database must be empty, unless `replace` is true. `source`: stores as in `save`, of which any copy is enough; or the path of
    a bundle, a list of paths, or bytes. Of stores the newest save is meant, or the one with the number `seq`, with the id `state`,
    or the last one `at` a date or before. `resume`: the database saves to this series from now on. `or_new`: for each start of an
    application; keeps a database that is not empty, restores into one that is, and begins where the stores hold nothing.

    `expect`: the state id that it must have. `skip_indexes`: leaves out indexes that this SQLite cannot build. `max_bytes`: how
    large it may become. `salvage`: of damaged bundles, what they still prove. `trusted`: no budget for what its schema asks.
    """
    selector = selector_of("restore", seq, state, at)
    options = options_of(
        {
            "replace": replace,
            "resume": resume,
            "or_new": or_new,
            "expect": expect,
            "schema": schema,
            "domain": domain,
            "skip_indexes": skip_indexes,
            "max_bytes": max_bytes,
            "salvage": salvage,
            "local": local,
            "trusted": trusted,
        }
    )
    arguments = [source_value("restore", source, selector), key_text("restore", key), options]
    return Restored._of(report("restore", given("restore", db), arguments, create=True))


def restore_all(
    stores: Stores,
    key: AnyKey,
    directory: PathText,
    *,
    replace: Optional[bool] = None,
    resume: Optional[bool] = None,
    skip_indexes: Optional[bool] = None,
    max_bytes: Optional[int] = None,
    trusted: Optional[bool] = None,
) -> RestoredAll:
    """Restores the newest state of every series of the key: each database as a file with the name of its domain, files as a folder.
    If one fails, the others go on: **look at `failed`**."""
    options = options_of(
        {
            "replace": replace,
            "resume": resume,
            "skip_indexes": skip_indexes,
            "max_bytes": max_bytes,
            "trusted": trusted,
        }
    )
    function = "restore_all"
    arguments = [stores_text(function, stores), key_text(function, key), path_text(function, directory, "the directory"), options]
    return RestoredAll._of(report(function, None, arguments))


def _saving(
    minimum: Optional[int],
    local: Optional[PathText],
    timeout: Optional[float],
    writer: Optional[str],
    label: Optional[str],
    events: Optional[Mapping[str, Any]],
) -> dict[str, object]:
    """The options that say how each save is done, one that is asked for and those of a protection."""
    return {
        "minimum": minimum,
        "local": local,
        "timeout": timeout,
        "writer": writer,
        "label": label,
        "events": events,
    }


def _what(
    schema: Optional[str],
    domain: Optional[str],
    compress: Optional[_Compress],
    tables: Optional[Iterable[str]],
    exclude: Optional[Iterable[str]],
    where: Optional[Mapping[str, str]],
    cache: Optional[Iterable[str]],
    now: Union[int, float, str, None],
    closure: Optional[bool],
    threads: Optional[int],
    check: Optional[bool],
) -> dict[str, object]:
    """The options that choose what an export takes."""
    return {
        "schema": schema,
        "domain": domain,
        "compress": compress,
        "tables": _names(tables),
        "exclude": _names(exclude),
        "where": where,
        "cache": _names(cache),
        "now": now,
        "closure": closure,
        "threads": threads,
        "check": check,
    }


def _names(names: Optional[Iterable[str]]) -> object:
    """A list; a text by itself is for the extension to refuse."""
    return names if names is None or isinstance(names, str) else list(names)


def _date(function: str, date: Optional[Date]) -> Union[str, int, float, None]:
    if not isinstance(date, datetime.datetime):
        return date
    if date.utcoffset() is None:
        raise MisuseError(f"{function}: the date has no time zone; give datetime.now(timezone.utc), for one")
    return date.isoformat()
