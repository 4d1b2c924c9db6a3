#!/usr/bin/env python3
"""Holds second_decoder.py against the vectors of core/tests/vectors: what it says of each must be what the vector says.

    vectors.py DIRECTORY

Prints how many it has read. What differs is told on stderr, and the exit code is 1. Ledgers are left out: no reader restores
from one."""

import sys
from pathlib import Path

import second_log
from second_decoder import read_bundle, read_chain
from second_keys import read_key
from second_values import Refused


class Vector:
    def __init__(self, path):
        head, _, digits = path.read_text().partition("\n\n")
        self.fields = dict(line.split(": ", 1) for line in head.splitlines())
        self.name, self.data = self.fields["name"], bytes.fromhex(digits)

    def chain(self, all):
        """The bundles of its chain, oldest first."""
        files = []
        for run in self.fields.get("after", "").split():
            name, _, count = run.partition("*")
            files += [all[name].data] * int(count or 1)
        return [*files, self.data]


def said(read):
    """What came of it: a state id, or the kind of the error."""
    try:
        return read().state_id.hex()
    except Refused as refused:
        return str(refused).split(": ")[0]


def differences(vector, all):
    fields, key = vector.fields, read_key(vector.fields["key"])
    files = vector.chain(all)
    outcome = said(lambda: complete(read_chain(files, key)))
    if outcome != fields.get("state", fields["outcome"]):
        yield "outcome", outcome
    for name, read in {
        "keyless": lambda: read_bundle(vector.data),
        "alone": lambda: read_bundle(vector.data, key),
        "links": lambda: read_chain(files),
    }.items():
        found = name in fields and said(read)
        if found and found != fields[name] and (fields[name] != "success" or " " in found or not is_id(found)):
            yield name, found


def log_differences(vector):
    """Of a record or a floor statement."""
    fields, form = vector.fields, vector.fields["form"]
    for name, key, success in ("outcome", fields["key"], fields.get("says")), ("keyless", None, None):
        try:
            found = second_log.said(vector.data, key, form)
            if fields[name] != "success" or success not in (None, found):
                yield name, found
        except Refused as refused:
            if str(refused).split(": ")[0] != fields[name]:
                yield name, refused


def is_id(text):
    return len(text) == 64


def complete(bundle):
    """A state can be asked for only where the chain begins with a full bundle."""
    if bundle.base_id is not None:
        raise Refused("mismatch: a delta without its full bundle")
    return bundle


def main(directory):
    all = {vector.name: vector for vector in map(Vector, sorted(Path(directory).glob("*.vector")))}
    read, wrong = 0, []
    for vector in all.values():
        if vector.fields.get("form") != "ledger":
            read += 1
            wrong += [f"{vector.name}: {what}: {found}, not {vector.fields[what]}" for what, found in differences(vector, all)]
    for vector in map(Vector, sorted((Path(directory) / "log").glob("*.vector"))):
        read += 1
        wrong += [f"{vector.name}: {what}: {found}" for what, found in log_differences(vector)]
    print(read)
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main(sys.argv[1])
