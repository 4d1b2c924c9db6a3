"""What the functions of a live database and of stores give: the reports of the SQL functions, with names.

A later version of the extension may report more. The field `report` of a result has all that it said.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import Any, Optional

from ._copies import Save


class SecretKey(str):
    """The text of a secret key. It is a `str`, which `print` and files take as it is; a console and a log that show its `repr`
    do not show the key."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}('{self.partition('1')[0]}1[key]')"


@dataclass(frozen=True)
class CopyState:
    """How one copy stands."""

    #: Its store, as `dir:stick/copy`.
    store: str
    #: After a save: `done`, `behind`, `away`, `new`, `lost` or `rolled_back`. Of what was read: `current`, `behind`, `empty`,
    #: `absent`, `unreachable`, `hostile`, `withholds` or `forked`.
    state: str
    #: Its newest save.
    number: Optional[int]
    #: When that was made; None where nobody can tell.
    date: Optional[str]
    #: Why it does not hold the newest state, in words.
    why: Optional[str]
    #: Since when it does not, as `status` remembers it.
    since: Optional[str]
    #: Its name in a configuration.
    name: Optional[str]

    @classmethod
    def _of(cls, json: dict[str, Any]) -> CopyState:
        return cls(**_fields(cls, json))


@dataclass(frozen=True)
class Saved:
    """What `save` and `save_files` did. At least `minimum` copies hold the state."""

    #: The number of the save in its series, and the hash of its record.
    number: int
    record_hash: str
    #: The state that is saved.
    state_id: str
    #: Bytes of the bundle that was made, and whether it is a full one.
    size: int
    full: bool
    #: False: the newest save already held this state.
    changed: bool
    #: How many copies must hold it, and how many do.
    minimum: int
    done: int
    copies: tuple[CopyState, ...]
    domain: str
    #: Who signs: `lifeboatverify1...`. It is public, and with it anybody can check the copies.
    verify_key: str
    #: The directory of the local state.
    local: Optional[str]
    #: All that the extension said.
    report: dict[str, Any] = field(repr=False, compare=False)

    @classmethod
    def _of(cls, json: dict[str, Any]) -> Saved:
        return cls(**_fields(cls, json, copies=_copies(json)))


@dataclass(frozen=True)
class Failure:
    """A save that failed."""

    #: When: a date of RFC 3339 in UTC.
    at: str
    #: As in the classes of errors: `unreachable`, ...
    kind: str
    message: str

    @classmethod
    def _of(cls, json: Optional[dict[str, Any]]) -> Optional[Failure]:
        return None if json is None else cls(**_fields(cls, json))


@dataclass(frozen=True)
class Damage:
    """A file of the local state that a save could not read."""

    #: As in the classes of errors: `corrupt`, ...
    kind: str
    #: It names the file, and says what to do.
    message: str

    @classmethod
    def _of(cls, json: dict[str, Any]) -> Damage:
        return cls(**_fields(cls, json))


@dataclass(frozen=True)
class LastSave:
    """The last save that reached its minimum."""

    at: str
    #: Seconds since then.
    age: int
    number: int
    record_hash: str
    state_id: str
    minimum: int
    done: int
    copies: tuple[CopyState, ...]

    @classmethod
    def _of(cls, json: Optional[dict[str, Any]]) -> Optional[LastSave]:
        return None if json is None else cls(**_fields(cls, json, copies=_copies(json)))


@dataclass(frozen=True)
class Protection:
    """How a protection stands."""

    #: `watching`: all that it has seen is saved. `pending`, `saving`, `retrying`: the last save failed. `stopped`: it has ended.
    state: str
    since: str
    #: How many connections hold it.
    holders: int
    #: Whether there are commits that are not saved.
    pending: bool
    #: When its last save was made, its number, and how many copies hold it; None: it has made none.
    saved_at: Optional[str]
    saved_number: Optional[int]
    saved_done: Optional[int]
    #: When a save read all rows last, and how many saves since then read only what can have changed.
    read_all: Optional[str]
    quick: int
    failed: Optional[Failure]

    @classmethod
    def _of(cls, json: Optional[dict[str, Any]]) -> Optional[Protection]:
        if json is None:
            return None
        saved = json["saved"] or {}
        last = {f"saved_{name}": saved.get(name) for name in ("at", "number", "done")}
        return cls(**_fields(cls, json, failed=Failure._of(json["failed"]), **last))


@dataclass(frozen=True)
class Protected:
    """What `protect` began."""

    protection: Protection
    domain: str
    verify_key: str
    #: The directory of the local state.
    local: str
    report: dict[str, Any] = field(repr=False, compare=False)

    @classmethod
    def _of(cls, json: dict[str, Any]) -> Protected:
        return cls(**_fields(cls, json, protection=Protection._of(json["protection"])))


@dataclass(frozen=True)
class Unprotected:
    """What `unprotect` ended."""

    #: How many databases are no longer protected.
    ended: int
    #: How many this connection had protected, and others still do.
    left: int

    @classmethod
    def _of(cls, json: dict[str, Any]) -> Unprotected:
        return cls(**_fields(cls, json))


@dataclass(frozen=True)
class InStores:
    """What stores hold now."""

    #: The newest save; None: no copy holds one, or the log forks.
    number: Optional[int]
    record_hash: Optional[str]
    #: With a key that reads: when it was made, and seconds since then.
    date: Optional[str]
    age: Optional[int]
    #: How many copies hold it.
    current: int
    copies: tuple[CopyState, ...]

    @classmethod
    def _of(cls, json: Optional[dict[str, Any]]) -> Optional[InStores]:
        return None if json is None else cls(**_fields(cls, json, copies=_copies(json)))


@dataclass(frozen=True)
class Status:
    """How the saves of a database stand."""

    #: The directory of the local state; None: the database has no file.
    local: Optional[str]
    #: The last save that reached its minimum.
    saved: Optional[LastSave]
    #: The last save, if it failed.
    failed: Optional[Failure]
    #: Empty: a save could read all files of the local state.
    damaged: tuple[Damage, ...]
    #: None: this process does not protect the database.
    protection: Optional[Protection]
    #: What the stores hold, if they were asked.
    stores: Optional[InStores]
    report: dict[str, Any] = field(repr=False, compare=False)

    @classmethod
    def _of(cls, json: dict[str, Any]) -> Status:
        own = {
            "saved": LastSave._of(json["saved"]),
            "failed": Failure._of(json["failed"]),
            "damaged": _each(Damage._of, json.get("damaged", ())),
            "protection": Protection._of(json["protection"]),
            "stores": InStores._of(json.get("stores")),
        }
        return cls(**_fields(cls, json, **own))


@dataclass(frozen=True)
class LogEntry(Save):
    """A save of a series, and the copies that list it."""

    #: The stores, each with the name of its copy before it if a configuration has one.
    copies: tuple[str, ...]

    @classmethod
    def _of_row(cls, row: list[Any]) -> LogEntry:
        names = [part.name for part in fields(cls)]
        return cls(**dict(zip(names, [*row[:-1], tuple(row[-1])])))


@dataclass(frozen=True)
class Event:
    """Something that happened."""

    #: Counts from 1. No number is used twice.
    number: int
    date: str
    #: `normal`, `warning` or `failure`.
    level: str
    kind: str
    #: Names, numbers and short texts.
    about: dict[str, Any] = field(hash=False)
    #: Which log this is: if the local state is deleted, a new one begins.
    log: str


@dataclass(frozen=True)
class CheckedCopy:
    """What a check found in one copy of a series."""

    store: str
    #: As in `CopyState`: `current`, `behind`, ...
    state: str
    number: Optional[int]
    why: Optional[str]
    #: It holds the newest save, lacks nothing, and nothing in it is known to be damaged.
    complete: bool
    #: Its newest state can be restored from this copy alone, as far as the level tells.
    restores: bool
    #: How many objects it lacks, how many are damaged, and how many a repair brought.
    missing: int
    damaged: int
    copied: int
    #: Since when all of its bundles were read, with `local`.
    since: Optional[str]
    report: dict[str, Any] = field(repr=False, compare=False)

    @classmethod
    def _of(cls, json: dict[str, Any]) -> CheckedCopy:
        counts = {name: json[name]["count"] for name in ("missing", "damaged")}
        return cls(**_fields(cls, json, copied=json.get("copied", {}).get("objects", 0), **counts))


@dataclass(frozen=True)
class CheckedSeries:
    """What a check found of one series."""

    domain_id: str
    #: The newest save over all copies; None: the log forks.
    number: Optional[int]
    #: The lowest number whose state must still exist.
    floor: int
    #: Whether all of it was checked by now.
    checked: bool
    copies: tuple[CheckedCopy, ...]
    #: How many objects no copy has any more.
    lost: int
    report: dict[str, Any] = field(repr=False, compare=False)

    @classmethod
    def _of(cls, json: dict[str, Any]) -> CheckedSeries:
        return cls(**_fields(cls, json, copies=_each(CheckedCopy._of, json["copies"]), lost=json["lost"]["count"]))


@dataclass(frozen=True)
class Scrubbed:
    """What `scrub` found."""

    #: **Look at this**: all copies of all series are complete, nothing is lost, no log forks, all stores answered, and the check
    #: is finished.
    sound: bool
    level: str
    finished: bool
    #: With what the next call goes on, if it is not finished.
    cursor: Optional[str]
    series: tuple[CheckedSeries, ...]
    #: The stores that did not say what they hold, and why.
    unreachable: tuple[tuple[str, str], ...]
    report: dict[str, Any] = field(repr=False, compare=False)

    @classmethod
    def _of(cls, json: dict[str, Any]) -> Scrubbed:
        return cls(**_fields(cls, json, series=_each(CheckedSeries._of, json["series"]), unreachable=_unreachable(json)))


@dataclass(frozen=True)
class Removed:
    """What was deleted, or would be."""

    #: Saves, bundles, and other objects.
    records: int
    bundles: int
    others: int
    size: int

    @classmethod
    def _of(cls, json: dict[str, Any]) -> Removed:
        return cls(**_fields(cls, json))


@dataclass(frozen=True)
class PrunedCopy:
    """What `prune` did in one copy."""

    store: str
    #: How many saves are kept, and how many more stay since those are made from them.
    kept: int
    needed: int
    removed: Removed
    #: What the store refused to delete.
    retained: Removed
    #: Why nothing was deleted here, or not all.
    why: Optional[str]
    report: dict[str, Any] = field(repr=False, compare=False)

    @classmethod
    def _of(cls, json: dict[str, Any]) -> PrunedCopy:
        return cls(**_fields(cls, json, removed=Removed._of(json["removed"]), retained=Removed._of(json["retained"])))


@dataclass(frozen=True)
class Pruned:
    """What `prune` did, or would do."""

    domain_id: str
    #: The newest save.
    number: int
    #: True: nothing was deleted.
    dry_run: bool
    #: **Look at this**: all that was to go is gone, in all copies.
    done: bool
    #: From this number on each save exists.
    floor: int
    #: How many copies were proved to hold what stays, and how many have to be.
    sound: int
    minimum: int
    #: The reasons for which `force` is needed, or was.
    refused: tuple[str, ...]
    copies: tuple[PrunedCopy, ...]
    report: dict[str, Any] = field(repr=False, compare=False)

    @classmethod
    def _of(cls, json: dict[str, Any]) -> Pruned:
        return cls(**_fields(cls, json, refused=tuple(json["refused"]), copies=_each(PrunedCopy._of, json["copies"])))


@dataclass(frozen=True)
class Exported:
    """What `export` wrote."""

    path: str
    #: Bytes of the bundle.
    size: int
    state_id: str
    domain: str
    verify_key: str
    #: How many rows the state has.
    rows: int
    #: The state from which a delta leads on; None for a full bundle.
    base_id: Optional[str]
    full: bool
    #: How many changes the bundle holds.
    changes: int
    #: False: the file had these bytes already, or nothing has changed since the base.
    changed: bool
    report: dict[str, Any] = field(repr=False, compare=False)

    @classmethod
    def _of(cls, json: dict[str, Any]) -> Exported:
        return cls(**_fields(cls, json))


@dataclass(frozen=True)
class Restored:
    """What `restore` did."""

    #: Without `or_new` always `restored`. `kept`: the database was not empty, and nothing was done. `new`: the stores hold no save.
    outcome: str
    #: None where nothing was restored, of what was salvaged, and where indexes were left out.
    state_id: Optional[str]
    domain: Optional[str]
    #: How many rows there are, and how many tables have some.
    rows: int
    tables: int
    #: Which save it is, by its number, the hash of its record, and its date; None: bundles were given.
    number: Optional[int]
    record_hash: Optional[str]
    date: Optional[str]
    copies: tuple[CopyState, ...]
    #: The indexes that `skip_indexes` left out.
    left_out: tuple[str, ...]
    report: dict[str, Any] = field(repr=False, compare=False)

    @classmethod
    def _of(cls, json: dict[str, Any]) -> Restored:
        series = json.get("series") or {}
        tables = json.get("tables", 0)
        return cls(
            outcome=json.get("outcome", "restored"),
            state_id=json.get("state_id"),
            domain=json.get("domain"),
            rows=json.get("rows", 0),
            tables=len(tables) if isinstance(tables, dict) else tables,
            number=series.get("number"),
            record_hash=series.get("record"),
            date=series.get("date"),
            copies=_copies(series),
            left_out=tuple(json.get("left_out") or ()),
            report=json,
        )


@dataclass(frozen=True)
class RestoredDomain:
    """One series that `restore_all` restored, or could not."""

    #: Its name; None: it could not be read.
    domain: Optional[str]
    domain_id: str
    #: Where it is: a database, or a folder of files.
    path: Optional[str]
    state_id: Optional[str]
    number: Optional[int]
    date: Optional[str]
    #: Of a database how many rows, of files how many files.
    rows: Optional[int]
    files: Optional[int]
    #: Why it is not there: kind and message.
    error: Optional[tuple[str, str]]
    report: dict[str, Any] = field(repr=False, compare=False)

    @classmethod
    def _of(cls, json: dict[str, Any]) -> RestoredDomain:
        error = json.get("error")
        return cls(**_fields(cls, json, error=None if error is None else (error["kind"], error["message"])))


@dataclass(frozen=True)
class RestoredAll:
    """What `restore_all` did."""

    #: How many series were restored, and how many were not. **Look at `failed`.**
    restored: int
    failed: int
    domains: tuple[RestoredDomain, ...]
    #: The stores that did not answer, and why: they may hold more.
    unreachable: tuple[tuple[str, str], ...]
    report: dict[str, Any] = field(repr=False, compare=False)

    @classmethod
    def _of(cls, json: dict[str, Any]) -> RestoredAll:
        return cls(**_fields(cls, json, domains=_each(RestoredDomain._of, json["domains"]), unreachable=_unreachable(json)))


# What fields are called in JSON, where it is another name.
_JSON = {"record_hash": "record", "size": "bytes", "name": "copy"}


def _fields(of: type, json: dict[str, Any], **own: object) -> dict[str, Any]:
    """The fields of a result: `own`, and what the JSON has under their names."""
    found: dict[str, Any] = {part.name: json.get(_JSON.get(part.name, part.name)) for part in fields(of)}
    if "report" in found:
        found["report"] = json
    return {**found, **own}


def _copies(json: dict[str, Any]) -> tuple[CopyState, ...]:
    return _each(CopyState._of, json.get("copies", ()))


def _each(make: Any, parts: Iterable[dict[str, Any]]) -> tuple[Any, ...]:
    return tuple(make(part) for part in parts)


def _unreachable(json: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((part["store"], part["why"]) for part in json.get("unreachable") or ())
