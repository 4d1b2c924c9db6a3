#!/usr/bin/env python3
"""An independent decoder and verifier of Lifeboat bundles, written from core/FORMAT.md alone.

    second_decoder.py BUNDLE... [KEY-TEXT]

Several bundles are a chain, oldest first. They are composed, and what is printed is what the one bundle in their place would
say: for a full bundle and its deltas the last state, exactly as for a full bundle of that state; for deltas alone the changes
from the first one's base to the last one's target.

With a recovery key, a write key or a read key it checks every rule of the page that a reader can check, and only then prints JSON lines: the state id,
the settings, the selection, the schema, then [table, key, values] for each item (for a delta: [table, key, old, new] for each
change). Without a key it checks headers, framing, records, signatures and the links of a chain. A refusal is one line on stderr and
exit code 1.

Integers, well-formed UTF-8 and NULL are plain JSON; the other values are {"real": text}, {"blob": hex} and
{"text": encoding, "bytes": hex}. Needs the packages cryptography and zstandard."""

import hmac
import json
import sys
from collections import namedtuple

from second_keys import MIB, Keys, open_seal, read_key, sha256, verify
from second_values import (KEY_LIMIT, VALUES_LIMIT, Refused, Sequence, bound, change_order, check_values, encode, is_array, need,
                           raw, shown, shown_row)

HEADER_SIZE = 75
SEALED_LIMIT, ITEMS_LIMIT, CHANGE_LIMIT, HELD_LIMIT, SELECTION_LIMIT = 1_081_360, 1 << 20, 1_001_000_000, 16 * MIB, MIB
SCHEMA_ROWS_LIMIT, WHOLE_VALUES_LIMIT = 131_072, 2_097_152
NAME_LIMIT, DOMAIN_LIMIT, RUNS_LIMIT, INDEX_LIMIT, SUMMARY_LIMIT, CHAIN_LIMIT = 4_096, 255, 4_096, 256 * MIB, 512, 1_000
SETTINGS, SCHEMA, SELECTION = 0, 1, 2
EXTENSIONS, EXTENSIONS_LIMIT = range(16, 24), 16
WHOLE_TABLES = {"sqlite_sequence", "sqlite_stat1", "sqlite_stat2", "sqlite_stat3", "sqlite_stat4"}

# What a bundle says. Of a bundle that was read without a key only the first three are known. A total is [sum, items].
Bundle = namedtuple("Bundle", "domain_id base_id state_id keys domain base target changes")


# Changes and chunks
class Changes:
    """Takes the plaintexts of the chunks in their order, and makes of them the entries that the index must have."""

    def __init__(self, keys, full):
        self.keys, self.full = keys, full
        self.all, self.entries, self.pieces = [], [], []
        self.sum, self.old_items, self.new_items = 0, 0, 0
        self.last, self.kinds, self.lengths = None, {}, {}
        self.has_settings, self.schema_tables, self.encodings = False, None, {}

    def chunk(self, kind, plaintext):
        need((kind == 0) <= (not self.pieces), "a large change that is interrupted")
        if kind == 1:
            need(len(plaintext) == MIB, "a part of a large change that has not the full size")
            need(len(self.pieces) * MIB <= CHANGE_LIMIT, "a change above its limit", "too big")
            self.pieces.append(plaintext)
            self.entries.append(encode([1, bytes(16), []]))
            return
        need(plaintext and (kind == 0 or self.pieces), "an empty chunk, or a large change that is none")
        sum_before, count_before = self.sum, len(self.all)
        runs = self.runs(Sequence(b"".join(self.pieces) + plaintext))
        need(kind == 0 or len(self.all) == count_before + 1, "a large change of more than one change")
        self.pieces = []
        self.entries.append(encode([kind, ((self.sum - sum_before) % 2**128).to_bytes(16, "big"), runs]))

    def extension(self, kind):
        """An extension chunk: nothing of it is opened."""
        need(not self.pieces, "a large change that is interrupted")
        self.entries.append(encode([kind, bytes(16), []]))

    def runs(self, sequence):
        runs = []
        while sequence.more():
            table, counts, first, before = self.head_of_run(sequence.item()), [0, 0], None, None
            need(table not in [run[0] for run in runs[-1:]], "a table with two runs in one chunk")  # others: out of order
            while sequence.more() and sequence.data[sequence.at] >> 5 == 4:
                start, change = sequence.at, sequence.item()
                need(sequence.at - start <= CHANGE_LIMIT, "a change above its limit", "too big")
                need(is_array(change, object, bytes | None, object), "not a change")
                key, old, new = change
                is_write = new is not None
                if isinstance(key, int) and isinstance(before, int):
                    need(key >= 0, "a step below 0")
                    key += before + 1
                self.change(table, key, old, new)
                first, before = first or [key], key
                counts[is_write] += 1
            need(first, "a run without changes")
            runs.append([table, *counts, bound(first[0])])
            need(len(runs) <= RUNS_LIMIT, "too many runs in a chunk", "too big")
        return runs

    def head_of_run(self, table):
        need(isinstance(table, str) or isinstance(table, int) and 0 <= table <= 2, "not a head of a run")
        need(len(raw(table)) <= NAME_LIMIT, "a name above its limit", "too big")
        return table

    def change(self, table, key, old, new):
        """The next change. Of the base it is known only what changes: that each old is right is for a chain to check."""
        need(old is not None or new is not None, "a change from nothing to nothing")
        need(old is None or not self.full and len(old) == 16, "an old in a full bundle, or one that is no digest")
        need(self.full or old is not None or table not in (SETTINGS, SCHEMA), "a base without settings or schema")
        need(new is not None or table not in (SETTINGS, SCHEMA), "a state without settings or schema")
        see_encoding = self.encoding_of("target" if new is not None or not self.has_settings else "base")
        self.check_key(table, key, see_encoding)
        order = change_order(table, key)
        need(self.last is None or self.last < order, "changes out of order")
        # Of the last part, which is the bytes, nothing is equal: what comes before it is the values.
        same = self.full and isinstance(key, list) and self.last is not None and self.last[0] == order[0]
        need(not same or self.last[1][:-1] != order[1][:-1], "two keys of equal values in one state")
        self.last = order
        for state, item in ("base", old), ("target", new):
            if item is not None:
                need(self.kinds.setdefault((table, state), type(key)) is type(key), "keys of two kinds in one table")
        digest = None
        if new is not None:
            self.check_new(table, key, new, see_encoding)
            digest = self.keys.digest(table, key, new)
        need(digest != old, "a change to the same value")
        self.old_items += old is not None
        self.new_items += new is not None
        self.sum += int.from_bytes(digest or b"", "big") - int.from_bytes(old or b"", "big")
        self.all.append([table, key, old, new])

    def encoding_of(self, state):
        """All text of a state has one encoding. That of the base may be another only where the delta has new settings."""
        def see(encoding):
            need(self.encodings.setdefault(state, encoding) == encoding, "text of another encoding")
        return see

    def check_key(self, table, key, see_encoding):
        if isinstance(table, int) or table in WHOLE_TABLES:
            need(key is None, "a key of an item that has none")
        elif isinstance(key, int):
            need(-1 << 63 <= key < 1 << 63, "a rowid that SQLite does not have")
        else:
            need(key, "a row without a key")
            check_values(key, see_encoding)
            need(len(encode(key)) <= KEY_LIMIT, "a key above its limit", "too big")

    def check_new(self, table, key, new, see_encoding):
        if table == SETTINGS:
            need(is_array(new, int, int, int) and 1 <= new[2] <= 3, "settings that are none")
            need(all(-1 << 31 <= n < 1 << 31 for n in new), "a pragma's value of more than 32 bits")
            self.has_settings, self.encodings = True, {"target": new[2]}
        elif table == SCHEMA:
            need(isinstance(new, list) and all(is_array(row, str, str, str, str) for row in new), "a schema that is none")
            need({row[0] for row in new} <= {"table", "index", "view", "trigger"}, "a schema that is none")
            need(len(encode(new)) <= HELD_LIMIT and len(new) <= SCHEMA_ROWS_LIMIT, "a schema above its limit", "too big")
            self.schema_tables = {row[1] for row in new if row[0] == "table"}
        elif table == SELECTION:
            check_selection(new)
        else:
            need(self.schema_tables is None or table in self.schema_tables, "rows of a table that the schema does not have")
            if table not in WHOLE_TABLES:
                check_values(new, see_encoding)
                need(len(new) + len(key if isinstance(key, list) else ()) <= VALUES_LIMIT, "a row of too many values", "too big")
                need(self.lengths.setdefault(table, len(new)) == len(new), "rows of one table of different lengths")
                return
            need(isinstance(new, list) and new, "an item that is no array of rows, or for a table without rows")
            for row in new:
                check_values(row, see_encoding)
            held = sum(1 + len(row) for row in new)
            need(len(encode(new)) <= HELD_LIMIT and held <= WHOLE_VALUES_LIMIT, "an item above its limit", "too big")

    def target(self, base):
        """The total that the changes, which are all there now, lead to from that of the base."""
        need(not self.pieces, "a large change that is interrupted")
        need(not self.full or self.has_settings and self.schema_tables is not None, "a state without settings or schema")
        need(self.full == (base == [bytes(16), 0]), "a base that does not go with the bundle")
        # Each old is an item of the base; and no base but the empty state is without settings and schema.
        need(self.full or base[1] >= max(2, self.old_items), "a base of too few items")
        total, items = (int.from_bytes(base[0], "big") + self.sum) % 2**128, base[1] - self.old_items + self.new_items
        need(items >= 2, "a target of too few items")
        return [total.to_bytes(16, "big"), items]


def check_selection(new):
    """[tables or null, exclude, [[table, condition], ...], cache], each in the order of its names."""
    need(is_array(new, list | None, list, list, list), "a selection that is none")
    tables, exclude, conditions, cache = new
    need(all(is_array(pair, str, str) for pair in conditions), "a selection with a condition that is none")
    for names in (tables or [], exclude, [name for name, _ in conditions], cache):
        need(all(isinstance(name, str) for name in names), "a selection with a name that is none")
        coded = [name.encode() for name in names]
        need(all(a < b for a, b in zip(coded, coded[1:])), "a selection out of order, or with a name twice")
    need(new != [None, [], [], []], "a selection that leaves nothing out")
    need(len(encode(new)) <= SELECTION_LIMIT, "a selection above its limit", "too big")


# Bundle
def read_bundle(data, recovery_key=None):
    """A Bundle. Each rule is checked that needs no other bundle."""
    header = read_header(data)
    keys = recovery_key and Keys(recovery_key, header[16:32])
    need(not keys or hmac.compare_digest(keys.commitment, header[34:66]), "another commitment", "wrong key")
    sequence, chunks, records = Sequence(data, HEADER_SIZE, "truncated"), [], [record(header)]
    while data[sequence.at:sequence.at + 1] == b"\x82":
        start, kind = sequence.at, sequence.take(2)[1]
        need(kind <= 3 or kind in EXTENSIONS, "an item of another kind")
        need(not chunks or place_of(chunks[-1][0]) <= place_of(kind), "a chunk in another place")
        major, size = sequence.head()
        need(major == 2 and size <= SEALED_LIMIT, "a chunk that is no byte string, or above its limit")
        chunks.append((kind, sequence.take(size)))
        records.append(record(data[start:sequence.at]))
        need(len(records) <= ITEMS_LIMIT, "too many items", "too big")
        need(sum(kind in EXTENSIONS for kind, _ in chunks) <= EXTENSIONS_LIMIT, "too many extension chunks", "too big")
    need(sequence.more(), "the bytes end before the footer", "truncated")
    need(chunks and chunks[-1][0] == 3, "no page of the index")
    base_id, state_id, verify_key = read_footer(sequence, b"".join(records))
    if not keys:
        return Bundle(header[16:32], base_id, state_id, *[None] * 5)
    need(verify_key == keys.verify_key, "a verify key that is not the domain's")
    changes, pages = Changes(keys, base_id is None), []
    for kind, sealed in chunks:
        if kind in EXTENSIONS:
            changes.extension(kind)
            continue
        plaintext = open_seal(keys, kind, sealed, b"".join(records[:1 + len(changes.entries) + len(pages)]))
        pages.append(plaintext) if kind == 3 else changes.chunk(kind, plaintext)
    domain, base, target = read_index(keys, pages, changes, base_id, state_id)
    return Bundle(header[16:32], base_id, state_id, keys, domain, base, target, changes.all)


def place_of(kind):
    """The order of the sections: changes, extensions, index."""
    return 2 if kind == 3 else int(kind in EXTENSIONS)


def read_header(data):
    header, begin = data[:HEADER_SIZE], b"\xd9\xd9\xf7\x86\x68lifeboat"
    need(len(header) < HEADER_SIZE or header[:13] != begin[:5] + b"lbledger", "a ledger, not a bundle", "mismatch")
    need(begin.startswith(header[:13]), "not a bundle")
    need(len(header) == HEADER_SIZE, "the bytes end in the header", "truncated")
    need(header[66:] == b"\x48" + sha256(header[:66])[:8], "a header whose check is wrong")
    need(header[13:15] == b"\1\1", "another revision or suite", "unsupported")
    need(header[15:16] + header[32:34] == b"\x50\x58\x20", "a header of another form")
    return header


def record(item):
    return len(item).to_bytes(4, "big") + sha256(item)


# Index
def read_index(keys, pages, changes, base_id, state_id):
    need(all(len(page) == MIB for page in pages[:-1]) and pages[-1], "an index that is cut otherwise")
    index, entries = b"".join(pages), b"".join(changes.entries)
    need(len(index) <= INDEX_LIMIT and len(index) - len(entries) <= SUMMARY_LIMIT, "an index or summary above its limit")
    need(index.startswith(entries), "entries that are not those of the chunks")
    sequence = Sequence(index, len(entries))
    summary = sequence.item()
    need(not sequence.more() and is_array(summary, str, list, list), "a summary that is none")
    domain, base, target = summary
    need(1 <= len(raw(domain)) <= DOMAIN_LIMIT, "a domain name of another length")
    need(is_array(base, bytes, int) and len(base[0]) == 16 and base[1] >= 0, "a total that is none")
    need(target == changes.target(base), "a target that does not follow")
    need(changes.full or base_id == keys.state_id(*base), "a base id that does not follow")
    need(state_id == keys.state_id(*target), "a state id that does not follow")
    return domain, base, target


# Footer
def read_footer(sequence, records):
    start, footer = sequence.at, sequence.item()
    size = sequence.at - start
    need(is_array(footer, bytes | None, bytes, bytes, bytes, bytes), "not a footer")
    need([len(footer[i] or bytes(32)) for i in (0, 1, 3, 4)] == [32, 32, 32, 64] and footer[0] != b"", "not a footer")
    need(footer[2] == records, "records that are not those of the items")
    verify(footer[3], footer[4], b"lifeboat suite 1 signature\0" + sha256(sequence.data[start:start + size - 66]))
    need(sequence.take(9) == b"\x48" + size.to_bytes(8, "big"), "a trailer that states another length")
    need(not sequence.more(), "bytes after the trailer")
    return footer[0], footer[1], footer[3]


# Chain
def check_links(bundles):
    """Each bundle's base must be the state that the one before it leads to. The same state may come again."""
    for before, bundle in zip(bundles, bundles[1:]):
        need(bundle.domain_id == before.domain_id, "a chain of two domains", "mismatch")
        need(bundle.base_id is not None, "a full bundle that is not the first of its chain", "mismatch")
        need(bundle.base_id == before.state_id, "a base that is not the state before", "mismatch")


def compose(bundles):
    """The one Bundle in place of a chain whose links are right: of each item the first old and the last new. If the chain
    begins with a full bundle, that is the last state, and each old was compared with the item that was there. The result
    is checked as if it had been read, so that the last state obeys the rules of a state; those between are not checked so."""
    first, last = bundles[0], bundles[-1]
    full, items = first.base_id is None, {}
    for bundle in bundles:
        for table, key, old, new in bundle.changes:
            place = table, encode(key)
            unknown = old, None if full else old  # nothing is there, or whatever the base has
            first_old, there = items[place][:2] if place in items else unknown
            need(old == there, "an old that is not the digest of the item that is there")
            digest = None if new is None else first.keys.digest(table, key, new)
            items[place] = first_old, digest, [table, key, first_old, new]
    changed = [change for first_old, digest, change in items.values() if first_old != digest]
    changes = Changes(first.keys, full)
    for change in sorted(changed, key=lambda change: change_order(*change[:2])):
        changes.change(*change)
    need(changes.target(first.base) == last.target, "a composed target that does not follow")
    return last._replace(base_id=first.base_id, base=first.base, changes=changes.all)


def read_chain(files, recovery_key=None):
    need(len(files) <= CHAIN_LIMIT, "a chain of too many bundles", "too big")
    bundles = [read_bundle(data, recovery_key) for data in files]
    check_links(bundles)
    if recovery_key is None:
        return bundles[-1]._replace(base_id=bundles[0].base_id)
    return compose(bundles) if len(bundles) > 1 else bundles[0]


# What is printed
def shown_item(table, item):
    if isinstance(table, int) or item is None:
        return item
    return [shown_row(row) for row in item] if table in WHOLE_TABLES else shown_row(item)


def lines(bundle):
    """The lines for a bundle, each of which is to become JSON."""
    yield {"state id": bundle.state_id.hex(), "base id": bundle.base_id and bundle.base_id.hex()}
    for table, key, old, new in bundle.changes or ():
        if bundle.base_id:
            yield [table, shown_row(key), old and old.hex(), shown_item(table, new)]
        elif table == SETTINGS:
            yield {"settings": dict(zip(("application_id", "user_version", "encoding"), new))}
        elif table == SELECTION:
            yield {"selection": dict(zip(("tables", "exclude", "where", "cache"), [*new[:2], dict(new[2]), new[3]]))}
        else:
            yield {"schema": new} if table == SCHEMA else [table, shown_row(key), shown_item(table, new)]


def main(arguments):
    *paths, key_text = arguments if arguments[-1].lower().startswith(("lifeboatkey1", "lifeboatwrite1", "lifeboatread1")) else [*arguments, None]
    try:
        need(paths, "no bundle", "misuse")
        files = []
        for path in paths:
            with open(path, "rb") as file:
                files.append(file.read())
        bundle = read_chain(files, key_text and read_key(key_text))
    except (Refused, OSError) as refused:
        sys.exit(f"{' '.join(paths)}: {refused}")
    for line in lines(bundle):
        print(json.dumps(line))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1:])
