"""Python: `python answer.py DIRECTORY` answers the cases of a directory, a line each, with the package `lifeboat`."""

import hashlib
import json
import struct
import sys
import tempfile
from pathlib import Path

import sqlite_lifeboat as lifeboat


class Digest:
    """The digest of rows, as host-tests/src/digest.rs defines it."""

    def __init__(self):
        self.tables, self.rows = {}, []

    def add(self, batch):
        self.tables[batch.table] = self.tables.get(batch.table, 0) + len(batch.rows)
        taken = {"rowid", "_rowid_", "oid"} <= {column.lower() for column in batch.columns}
        hidden = batch.table.startswith("sqlite_") or taken
        for row in batch.rows:
            values = [batch.table, None if hidden else row.rowid, *row.values]
            self.rows.append(hashlib.sha256(b"".join(map(item, values))).digest())

    def finish(self):
        return hashlib.sha256(b"".join(sorted(self.rows))).hexdigest()


def item(value):
    if value is None:
        return b"n"
    if isinstance(value, int):
        return struct.pack(">cq", b"i", value)
    if isinstance(value, float):
        return struct.pack(">cd", b"r", value)
    if isinstance(value, str):
        return run(b"t", value.encode())
    if isinstance(value, bytes):
        return run(b"b", value)
    return run(b"u", value.content)


def run(letter, content):
    return struct.pack(">cQ", letter, len(content)) + content


def audit(case, chain):
    verified = lifeboat.verify(chain, verify_key=case["verify_key"], expect=case["expect"])
    report, bundles = verified.report, verified.bundles
    return {
        "state_id": report.state_id,
        "base_id": bundles[0].base_id,
        "domain_id": report.domain_id,
        "verify_key": report.verify_key,
        "authentic": all(bundle.authentic for bundle in bundles),
        "bytes": sum(bundle.size for bundle in bundles),
        "chunks": sum(bundle.chunks for bundle in bundles),
        "bundles": len(bundles),
    }


def inspect(case, chain):
    summary = lifeboat.verify(chain, key=case["key"], expect=case["expect"])
    kinds = [entry.kind for entry in summary.schema]
    part = summary.selection
    return {
        "state_id": summary.report.state_id,
        "domain": summary.domain,
        "domain_proven": summary.domain_proven,
        "application_id": summary.application_id,
        "user_version": summary.user_version,
        "encoding": summary.encoding,
        "tables": {table.name: table.rows for table in summary.tables},
        "schema": {
            "tables": kinds.count("table"),
            "indexes": kinds.count("index"),
            "views": kinds.count("view"),
            "triggers": kinds.count("trigger"),
        },
        "selection": part and {
            "tables": None if part.tables is None else list(part.tables),
            "exclude": list(part.exclude),
            "where": dict(part.conditions),
            "cache": list(part.cache),
        },
    }


def recover(case, chain):
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory, "copy.db")
        options = {name: case[name] for name in ("expect", "page_size", "skip_indexes")}
        recovered = lifeboat.recover(chain, case["key"], copy, **options)
        content = copy.read_bytes()
    return {
        "state_id": recovered.summary.report.state_id,
        "database_sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "rebuilt": {
            "expression_indexes": list(recovered.expression_indexes),
            "partial_indexes": list(recovered.partial_indexes),
            "stored_columns": list(recovered.stored_columns),
        },
        "left_out": list(recovered.left_out),
        "sqlite": recovered.sqlite_version,
        "advice": recovered.advice,
    }


def rows(case, chain):
    digest = Digest()
    batches = lifeboat.rows(chain, case["key"], expect=case["expect"])
    while True:
        try:
            digest.add(next(batches))
        except StopIteration as end:
            return {"state_id": end.value.report.state_id, "rows_sha256": digest.finish(), "tables": digest.tables}


def without_name(message, chain):
    """The message, without the path of the bundle that it is about."""
    names = [f"{path}: " for path in chain]
    return next((message[len(name) :] for name in names if message.startswith(name)), message)


JOBS = {"audit": audit, "inspect": inspect, "recover": recover, "rows": rows}


def answer(case, directory):
    chain = [directory / file for file in case["bundles"]]
    line = {"name": case["name"]}
    for job in case["outcome"]:
        try:
            line[job] = JOBS[job](case, chain)
        except lifeboat.Error as error:
            line[job] = {"error": error.kind, "message": without_name(error.message, chain)}
    return line


if __name__ == "__main__":
    directory = Path(sys.argv[1])
    for case in json.loads((directory / "cases.json").read_text()):
        print(json.dumps(answer(case, directory)))
