"""What is said of bundles: the records of the recovery component's interface."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Optional, Union

from ._copies import Series


@dataclass(frozen=True)
class Report:
    """What a bundle says about itself in public, checked against all of its bytes."""

    #: The state to which the bundle leads: 64 hexadecimal digits. Equal states have equal ids under one key.
    state_id: str
    #: The state from which a delta leads on; None for a full bundle.
    base_id: Optional[str]
    #: Which domain of which recovery key made it: 32 hexadecimal digits, a lasting pseudonym.
    domain_id: str
    #: Who signed it: `lifeboatverify1...`.
    verify_key: str
    #: True when the signer was compared with an expected verify key, or with that of the key that opened it. False: the
    #: bundle is consistent, and signed by `verify_key`, whoever that is.
    authentic: bool
    #: The rules by which states are named, and by which bundles are sealed.
    state_revision: int
    suite: int
    #: Bytes of the bundle, and how many chunks of changes it has.
    size: int
    chunks: int

    @classmethod
    def _of(cls, json: dict[str, Any]) -> Report:
        names = ("domain-id", "verify-key", "authentic", "state-revision", "suite", "size", "chunks")
        return cls(json["state-id"], json["base-id"], *(json[name] for name in names))


@dataclass(frozen=True)
class Verified:
    """Bundles that are complete and undamaged; of several, each leads on from the one before it."""

    #: The last bundle, the one that leads to the state.
    report: Report
    #: Each bundle, oldest first.
    bundles: tuple[Report, ...]
    #: Which save it is, if they come from copies. **Look at `series.older`.** None: bundles were given.
    series: Optional[Series]


class Table(NamedTuple):
    """A table that has rows."""

    name: str
    rows: int


class SchemaObject(NamedTuple):
    """A row of `sqlite_schema`. `kind`: table, index, view or trigger."""

    kind: str
    name: str
    table: str
    sql: str


@dataclass(frozen=True)
class Selection:
    """Which part of a database a state is, as the one who exported it chose."""

    #: These tables alone; None: all.
    tables: Optional[tuple[str, ...]]
    #: All but these.
    exclude: tuple[str, ...]
    #: For some tables the condition that is true for the rows that were taken.
    conditions: tuple[tuple[str, str], ...]
    #: These tables come back without rows.
    cache: tuple[str, ...]


@dataclass(frozen=True)
class Summary(Verified):
    """What is inside, opened with a key and proved against the state id."""

    #: Name of the domain, as the one who exported it gave it: a label.
    domain: str
    #: Whether the domain has this name. None: only the holder of the recovery key can tell.
    domain_proven: Optional[bool]
    application_id: int
    user_version: int
    #: `UTF-8`, `UTF-16le` or `UTF-16be`.
    encoding: str
    #: Tables, indexes, then views, triggers and virtual tables; no automatic indexes.
    schema: tuple[SchemaObject, ...]
    #: In the byte order of their names.
    tables: tuple[Table, ...]
    #: None for a whole database.
    selection: Optional[Selection]

    @property
    def rows(self) -> int:
        """How many rows there are in all tables together."""
        return sum(table.rows for table in self.tables)

    @classmethod
    def _of(cls, json: dict[str, Any], series: Optional[Series] = None) -> Summary:
        return cls(
            report=Report._of(json["report"]),
            bundles=tuple(map(Report._of, json["bundles"])),
            series=series,
            domain=json["domain"],
            domain_proven=json["domain-proven"],
            application_id=json["application-id"],
            user_version=json["user-version"],
            encoding=json["encoding"],
            schema=_schema(json["schema"]),
            tables=_tables(json["tables"]),
            selection=_selection(json["selection"]),
        )


def _schema(json: list[dict[str, Any]]) -> tuple[SchemaObject, ...]:
    return tuple(SchemaObject(part["kind"], part["name"], part["table"], part["sql"]) for part in json)


def _tables(json: list[dict[str, Any]]) -> tuple[Table, ...]:
    return tuple(Table(part["name"], part["rows"]) for part in json)


def _selection(json: Optional[dict[str, Any]]) -> Optional[Selection]:
    if json is None:
        return None
    return Selection(
        tables=None if json["tables"] is None else tuple(json["tables"]),
        exclude=tuple(json["exclude"]),
        conditions=tuple((part["table"], part["sql"]) for part in json["conditions"]),
        cache=tuple(json["cache"]),
    )


@dataclass(frozen=True)
class Recovered:
    """A database file that was recovered. Indexes and generated columns are no part of a state: what is listed here was
    computed anew, by `sqlite_version`; another version may compute an expression otherwise."""

    summary: Summary
    #: Bytes of the file.
    size: int
    #: Those on expressions, and on virtual columns.
    expression_indexes: tuple[str, ...]
    partial_indexes: tuple[str, ...]
    #: As `table.column`.
    stored_columns: tuple[str, ...]
    #: The indexes that `skip_indexes` left out: all rows are proved, but the file has another schema than the state.
    left_out: tuple[str, ...]
    sqlite_version: str
    #: What to do before the database is used, in words; None where there is nothing to do.
    advice: Optional[str]
    #: The version of the SQLite that computed the indexes once more, with `reindex`; else None.
    reindexed_by: Optional[str]

    @classmethod
    def _of(cls, json: dict[str, Any], series: Optional[Series] = None) -> Recovered:
        return cls(Summary._of(json["summary"], series), *_built(json))


def _built(json: dict[str, Any]) -> tuple[Any, ...]:
    """The fields of a database file, in their order."""
    lists = ("expression-indexes", "partial-indexes", "stored-columns", "left-out")
    lists_of_names = (tuple(json[name]) for name in lists)
    return (json["size"], *lists_of_names, json["sqlite-version"], json["advice"], json["reindexed-by"])


@dataclass(frozen=True)
class Salvaged:
    """What damaged bundles still prove, and what is missing. It is no state that anybody exported, so it has no id."""

    #: None where the index of the last bundle is damaged.
    domain: Optional[str]
    #: None where the settings are missing, as for the next two.
    application_id: Optional[int]
    user_version: Optional[int]
    encoding: Optional[str]
    #: None where it is missing.
    schema: Optional[tuple[SchemaObject, ...]]
    #: The tables of which rows come back.
    tables: tuple[Table, ...]
    #: None for a whole database, or where it is missing.
    selection: Optional[Selection]
    #: The damaged bundles, and the ranges that are missing: the objects that `backup_info` has with the option `salvage`. No
    #: range: everything came back.
    damaged: tuple[dict[str, Any], ...]
    missing: tuple[dict[str, Any], ...]
    #: How many ranges more there are.
    missing_more: int

    @property
    def rows(self) -> int:
        """How many rows come back, of all tables together."""
        return sum(table.rows for table in self.tables)

    @classmethod
    def _of(cls, json: dict[str, Any]) -> Salvaged:
        return cls(
            domain=json["domain"],
            application_id=json["application-id"],
            user_version=json["user-version"],
            encoding=json["encoding"],
            schema=None if json["schema"] is None else _schema(json["schema"]),
            tables=_tables(json["tables"]),
            selection=_selection(json["selection"]),
            damaged=tuple(json["damaged"]),
            missing=tuple(json["missing"]),
            missing_more=json.get("missing_more", 0),
        )


@dataclass(frozen=True)
class SalvagedDatabase:
    """A database file of what came back. The fields from `size` on are those of `Recovered`."""

    summary: Salvaged
    #: What `PRAGMA foreign_key_check` finds: a row may refer to one that is missing.
    foreign_key_check: tuple[str, ...]
    size: int
    expression_indexes: tuple[str, ...]
    partial_indexes: tuple[str, ...]
    stored_columns: tuple[str, ...]
    left_out: tuple[str, ...]
    sqlite_version: str
    advice: Optional[str]
    reindexed_by: Optional[str]

    @classmethod
    def _of(cls, json: dict[str, Any], _: Optional[Series] = None) -> SalvagedDatabase:
        found = json["foreign-key-check"]
        return cls(Salvaged._of(json["summary"]), () if found == "ok" else tuple(found), *_built(json))


def advice(version: str, indexes: Sequence[str], columns: Sequence[str], left_out: Sequence[str]) -> Optional[str]:
    """What to do with what this SQLite, inside the component, computed or could not: the words of the command."""
    said = []
    if indexes or columns:
        said.append(_computed(version, indexes, columns))
    if left_out:
        said.append(
            f"The database is without the {_listed('index', 'indexes', left_out)}, which SQLite {version}, inside the component, "
            "cannot build. Create what is left out again in the application: the schema of the summary has the statements."
        )
    return " ".join(said) or None


def _computed(version: str, indexes: Sequence[str], columns: Sequence[str]) -> str:
    computed = [_listed("index", "indexes", indexes), _listed("stored column", "stored columns", columns)]
    text = " and the ".join(part for part in computed if part)
    text = (
        f"SQLite {version}, inside the component, computed the {text}. Another SQLite may compute the same expressions otherwise."
    )
    if indexes:
        text += " It would then miss rows: run REINDEX with the SQLite that will use the database, before it is used."
    if columns:
        text += (
            " REINDEX computes no stored columns: they are computed when the rows of their tables are updated, or all of it when "
            "Lifeboat's extension restores in that SQLite."
        )
    return text


def _listed(one: str, many: str, names: Sequence[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return f"{one if len(names) == 1 else many} {', '.join(map(shown, names[:10]))}{more}"


def shown(name: str) -> str:
    """A name from a bundle, without what would steer a terminal."""
    return "".join("\ufffd" if unicodedata.category(character) == "Cc" else character for character in name)


def verified(json: dict[str, Any], series: Optional[Series]) -> Verified:
    """Of the command's JSON for a check without the recovery key."""
    return Verified(Report._of(json), tuple(map(Report._of, json["bundles"])), series)


@dataclass(frozen=True)
class IllFormedText:
    """Text that no `str` can hold: ill-formed UTF-8, or UTF-16 with lone surrogates. Its bytes, as they are stored."""

    encoding: str
    content: bytes


#: One stored value, exactly.
Value = Union[None, int, float, str, bytes, IllFormedText]


class Row(NamedTuple):
    """One row. `rowid` is None in a WITHOUT ROWID table."""

    rowid: Optional[int]
    values: tuple[Value, ...]


class Batch(NamedTuple):
    """Some rows of one table, in the order of their keys. `columns`: those that hold stored values, all but the generated
    ones, in the order of the table and of `Row.values`."""

    table: str
    columns: tuple[str, ...]
    rows: list[Row]
