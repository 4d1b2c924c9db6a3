#!/usr/bin/env python3
"""Tests of second_decoder.py on deltas, chains and selections, which second_encoder.py makes with faults and without.

    second_decoder_test.py"""

import random
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from zstandard import ZstdCompressor

from second_decoder import Refused, compose, lines, read_bundle, read_chain
from second_encoder import NOTHING, changes_between, delta, delta_of, encode_bundle, full_bundle, keys_of, padded, state, total
from second_values import encode

REPOSITORY = Path(__file__).resolve().parents[2]
KEY = bytes(range(1, 33))
KEY_TEXT = "lifeboatkey1qypqxpq9qcrsszg2pvxq6rs0zqg3yyc5z5tpwxqergd3c8g7rusq693l86"
KEYS = keys_of(KEY)

SETTINGS, SCHEMA = [0, None, [0, 1, 1]], [1, None, [["table", "t", "t", "CREATE TABLE t(a, b)"]]]
ROW_1, ROW_2 = ["t", 1, ["hi", None]], ["t", 2, [1.5, b"\xff"]]
B = state(SETTINGS, SCHEMA, ROW_1, ROW_2)  # the state of the worked bundle
WIDE = [1, None, [["table", name, name, f"CREATE TABLE {name}(a, b)"] for name in ("sqlite_sequence", "t", "u")]]


def digest(item):
    return KEYS.digest(*item)


def changed(base, *items, without=()):
    """A state with these items in the place of what was there, and without the items of `without`."""
    result = {**base, **state(*items)}
    for place in state(*without):
        del result[place]
    return result


def worked(block):
    """The bytes of a block of FORMAT.md: the hexadecimal words that begin its lines."""
    page = (REPOSITORY / "core/FORMAT.md").read_text()
    (body,) = re.findall(f"```{block}\n(.*?)```", page, re.DOTALL)
    return bytes.fromhex("".join(re.match(r"(?:\s?\b[0-9a-f]+\b(?!\w))*", line)[0] for line in body.splitlines()))


def named(name):
    """The value behind a name in the worked examples of FORMAT.md."""
    page = (REPOSITORY / "core/FORMAT.md").read_text()
    return re.search(rf"^    {re.escape(name)} +([0-9a-f]{{32,}})", page, re.MULTILINE)[1]


class Helpers(unittest.TestCase):
    def refused(self, why, *files, kind="corrupt"):
        with self.assertRaises(Refused) as caught:
            read_chain(files, KEY)
        self.assertRegex(str(caught.exception), f"^{kind}: .*{why}")

    def refused_change(self, why, *changes, base=B, **options):
        self.refused(why, delta_of(KEYS, base, changes, **options))

    def accepted(self, *changes, base=B, **options):
        return read_bundle(delta_of(KEYS, base, changes, **options), KEY)


class DeltaTest(Helpers):
    def test_the_encoder_writes_what_lifeboat_writes(self):
        self.assertEqual(full_bundle(KEYS, B), worked("bundle"))
        seen = 0
        for path in (REPOSITORY / "core/tests/golden").glob("*.bundle"):
            whole = path.read_bytes()
            bundle = read_bundle(whole, KEY)
            again = [encode_bundle(bundle.keys, bundle.base, bundle.target, bundle.changes, bundle.domain, compress)
                     for compress in (False, True)]
            self.assertIn(whole, again, path.name)
            seen += 1
        self.assertGreaterEqual(seen, 6)

    def test_the_worked_delta(self):
        c = changed(B, ["t", 1, ["ho", None]], without=[ROW_2])
        kept = []
        whole = delta(KEYS, B, c, chunks=lambda chunks: kept.extend(chunks) or chunks)
        self.assertEqual(kept[0][1], worked("delta"))
        bundle = read_bundle(whole, KEY)
        self.assertEqual(bundle.state_id.hex(), named("state id of C"))
        self.assertEqual(bundle.base_id.hex(), named("state id"))
        self.assertEqual(list(lines(bundle))[1:], [["t", 1, named("row 1"), ["ho", None]],
                                                   ["t", 2, named("row 2"), None]])

    def test_an_empty_delta(self):
        bundle = self.accepted()
        self.assertEqual((bundle.base_id, bundle.changes), (bundle.state_id, []))
        self.assertEqual(read_chain([full_bundle(KEYS, B), delta(KEYS, B, B)], KEY).target, total(KEYS, B))

    def test_every_flipped_byte_and_every_early_end(self):
        whole = delta(KEYS, B, changed(B, ["t", 1, ["ho", None]]))
        for at in range(len(whole)):
            flipped = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1:]
            for damaged in (flipped, whole[:at]):
                self.refused("", damaged, kind="(corrupt|truncated|unsupported|wrong key)")
        self.refused("bytes after", whole + b"\0")

    def test_order(self):
        gone, late, new = ["t", 2, digest(ROW_2), None], ["t", 9, None, [1]], ["t", 1, digest(ROW_1), [2]]
        self.accepted(new, gone, late)
        self.refused_change("step below 0", gone, new)
        self.refused_change("step below 0", new, new)
        self.refused_change("out of order", ["u", 1, None, [1]], new)
        self.refused_change("out of order", new, [0, None, digest(SETTINGS), [0, 2, 1]])
        self.refused_change("step below 0", gone, ["t", 2, None, [1]])
        # A step is never negative, so that within a run rowids cannot descend.
        self.refused_change("step below 0", late, new)
        # 1 and 1.0 are equal, but other keys: the values after them decide first, then the bytes.
        numbers = [["t", key, None, []] for key in ([1.0, "a"], [1, "b"], [1.0, "b"], [2])]
        self.accepted(*numbers)
        self.refused_change("out of order", numbers[1], numbers[0])
        # A delta may replace one of two equal keys by the other; no state has both.
        both = ["t", [1, "b"], None, []], ["t", [1.0, "b"], None, []]
        self.accepted(*both)
        keyed = state(SETTINGS, SCHEMA, *(["t", key, []] for _, key, _, _ in both))
        self.refused("equal values", full_bundle(KEYS, keyed))

    def test_steps(self):
        ends = ["t", -2**63, None, []], ["t", 2**63 - 1, None, []]
        self.assertEqual(self.accepted(*ends).changes, list(map(list, ends)))
        # Removals and writes follow one another by steps.
        both = ["t", 3, None, [1]], ["t", 4, b"4" * 16, None], ["t", 7, None, [1]], ["t", 8, b"8" * 16, None]
        base = changed(B, *(["t", key, [0]] for key in range(20, 30)))
        self.assertEqual(self.accepted(*both, base=base).changes, list(map(list, both)))

        def step(chunks):
            chunks[0][1] = chunks[0][1].replace(b"\x1b" + b"\xff" * 7 + b"\xfe", b"\x1b" + b"\xff" * 8)
            return chunks
        self.refused_change("rowid that SQLite does not have", *ends, chunks=step)

    def test_changes_that_are_none(self):
        self.refused_change("nothing to nothing", ["t", 1, None, None])
        self.refused_change("same value", ["t", 1, digest(ROW_1), ROW_1[2]])
        self.refused_change("no digest", ["t", 1, digest(ROW_1)[1:], None])
        self.refused_change("not a change", ["t", 1, None, [1]], chunks=lambda all: [[0, b"\x61t\x83\x01\x05\x81\x01", all[0][2]]])
        self.refused_change("key of an item", [0, 1, digest(SETTINGS), [0, 2, 1]])
        self.refused_change("row without a key", ["t", None, None, [1]])
        self.refused_change("key of an item", ["sqlite_stat1", 1, None, [["t"]]])
        self.accepted(["sqlite_stat1", None, None, [["t", None, "2"]]])

    def test_forms_and_limits_of_items(self):
        row = ["t", 3, None]

        def settings(new):
            return [0, None, digest(SETTINGS), new]

        def schema(new):
            return [1, None, digest(SCHEMA), new]

        def stat(new):
            return ["sqlite_stat1", None, None, new]
        for why, change in [
            ("settings", settings([0, 0])), ("settings", settings([0, 0, 4])), ("32 bits", settings([2**31, 0, 1])),
            ("schema that is none", schema([["table", "t", "t"]])), ("schema that is none", schema([["pragma", "t", "t", "x"]])),
            ("schema that is none", schema(1)), ("row that is not", [*row, 1]), ("row that is not", stat([1])),
            ("no array of rows", stat([])), ("no wrapped text", [*row, [[4, b"ab"]]]), ("wrapped in error", [*row, [[1, b"ab"]]]),
            ("wrapped in error", [*row, [[3, b"a"]]]), ("nest too deep", [*row, [[[[[1]]]]]]), ("NaN", [*row, [float("nan")]]),
            ("integer that SQLite", [*row, [2**63]]), ("rowid that SQLite", ["t", 2**63, None, []]),
            ("row that is not", ["t", "x", None, []]),
        ]:
            self.refused_change(why, change)
        for why, change in [
            ("key", ["t", [b"x" * 2**20], None, []]), ("values", [*row, [None] * 32_768]),
            ("values", ["t", [None] * 768, None, [None] * 32_000]), ("name", ["t" * 4_097, 1, None, []]),
            ("schema", schema([["view", "", "", ""]] * 131_073)), ("item", stat([[None] * 2] * 700_000)),
        ]:
            self.refused(f"{why} above|too many {why}", delta_of(KEYS, B, [change]), kind="too big")
        runs = b"".join(encode(f"{n:04}") + b"\x83\0\xf6\x81\xf6" for n in range(4_097))
        forged = delta_of(KEYS, B, [[*row, []]], chunks=lambda all: [[0, runs, all[0][2]]])
        self.refused("too many runs", forged, kind="too big")

    def test_boxes(self):
        change, content = ["t", 3, None, ["x" * 100]], b"\x61t\x83\x03\xf6\x81\x78\x64" + b"x" * 100
        frame = ZstdCompressor(level=1).compress(content)

        def refused(why, *box, more=b"", kind="corrupt"):
            forged = delta_of(KEYS, B, [change], box=lambda _: padded(encode(list(box))) + more)
            self.refused(why, forged, kind=kind)
        self.accepted(change, box=lambda _: padded(encode([1, len(content), frame])))
        refused("padding", 0, len(content), content, more=b"\0")
        refused("box", 0, -1, content)
        refused("another length", 0, len(content) - 1, content)
        refused("another method", 2, len(content), content, kind="unsupported")
        refused("above 1 MiB", 1, 2**20 + 1, frame, kind="too big")
        refused("not shorter", 1, len(frame), frame)
        refused("no zstd frame", 1, len(content), frame[1:])
        refused("one whole frame", 1, len(content), frame[:-1])
        refused("one whole frame|after the frame", 1, len(content), frame + frame)
        refused("longer than stated", 1, len(content) - 1, frame)
        refused("another length", 1, len(content) + 1, frame)

    def test_settings_and_schema_are_always_there(self):
        self.accepted([0, None, digest(SETTINGS), [0, 2, 1]], [1, None, digest(SCHEMA), []])
        for item in SETTINGS, SCHEMA:
            self.refused_change("state without settings or schema", [*item[:2], digest(item), None])
            self.refused_change("base without settings or schema", [*item[:2], None, item[2]], base=state(ROW_1, ROW_2))
            self.refused("state without settings or schema", full_bundle(KEYS, changed(B, without=[item])))

    def test_keys_of_one_kind(self):
        self.refused_change("two kinds", ["t", 5, None, [1]], ["t", ["x"], None, [1]])
        # A table may be made anew with keys of the other kind.
        self.accepted(["t", 1, digest(ROW_1), None], ["t", 2, digest(ROW_2), None], ["t", ["x"], None, [1]])

    def test_one_encoding(self):
        new_settings, old = [0, None, digest(SETTINGS), [0, 1, 2]], b"o" * 16
        wide = [2, "x".encode("utf-16le")]
        self.accepted(["t", ["x"], old, None], ["t", ["y"], None, ["y"]])
        self.refused_change("another encoding", ["t", ["x"], old, None], ["t", [wide], None, []])
        self.refused_change("another encoding", ["t", ["x"], None, [wide]])
        self.accepted(new_settings, ["t", ["x"], old, None], ["t", [wide], None, [wide]])
        self.refused_change("another encoding", new_settings, ["t", ["x"], old, None], ["t", [wide], old, None])
        self.refused_change("another encoding", new_settings, ["t", ["x"], None, []])

    def test_rows_and_schema(self):
        schema = [1, None, digest(SCHEMA), [["table", "u", "u", "CREATE TABLE u(a)"]]]
        self.accepted(schema, ["t", 1, digest(ROW_1), None], ["u", 1, None, [1]])
        self.refused_change("schema does not have", schema, ["t", 1, digest(ROW_1), [1]])

    def test_index_and_footer(self):
        change = ["t", 1, digest(ROW_1), ["ho"]], ["u", 3, None, [1]]

        def refused(why, **alter):
            self.refused_change(why, *change, **alter)

        def entry(fault):
            return lambda entries: [[0, *fault(*entries[0][1:])]]
        self.accepted(*change, entries=entry(lambda total, runs: [total, runs]))
        refused("entries", entries=entry(lambda total, runs: [bytes(16), runs]))
        refused("entries", entries=entry(lambda total, runs: [total, [["t", 1, 0, 1], runs[1]]]))
        refused("entries", entries=entry(lambda total, runs: [total, [["t", 0, 1, 2], runs[1]]]))
        refused("target", summary=lambda s: [*s[:2], total(KEYS, B)])
        refused("target", summary=lambda s: [s[0], [s[1][0], 5], *s[2:]])
        refused("base id", footer=lambda footer: [bytes(32), *footer[1:]])
        refused("domain name of another length", summary=lambda s: ["d" * 256, *s[1:]])
        refused("another length", summary=lambda s: ["", *s[1:]])
        refused("summary that is none", summary=lambda s: s[:2])
        refused("records", footer=lambda footer: [*footer[:2], footer[2][:-1] + b"x", *footer[3:]])
        refused("not a footer", footer=lambda footer: [b"", *footer[1:]])
        refused("state id", footer=lambda footer: [footer[0], bytes(32), *footer[2:]])
        refused("an old in a full bundle", footer=lambda footer: [None, *footer[1:]])
        self.refused("base without settings", full_bundle(KEYS, B, footer=lambda footer: [bytes(32), *footer[1:]]))
        zero = [KEYS.state_id(*NOTHING)]
        self.refused("does not go with", encode_bundle(KEYS, NOTHING, NOTHING, [], footer=lambda footer: [*zero, *footer[1:]]))
        self.refused("too few items", encode_bundle(KEYS, [b"x" * 16, 0], [b"x" * 16, 0], []))
        self.refused_change("too few items", *([t, k, b"o" * 16, None] for t, k, _ in (ROW_1, ROW_2, ["t", 3, []])),
                            base=state(SETTINGS, SCHEMA))

    def test_chunks(self):
        big = ["t", 1, digest(ROW_1), [b"x" * 2_500_000]]
        after = ["t", 2, digest(ROW_2), [1]]
        kinds = []

        def seen(all):
            kinds[:] = [chunk[0] for chunk in all]
            return all
        self.assertEqual(self.accepted(big, after, chunks=seen).changes, [big, after])
        self.assertEqual(kinds, [1, 1, 2, 0])
        self.refused_change("interrupted", big, after, chunks=lambda all: [all[0], all[3], *all[1:3]])
        self.refused_change("interrupted", big, chunks=lambda all: all[:2])

        def parts(cut, more=b""):
            def chunks(all):
                whole = b"".join(chunk[1] for chunk in all) + more
                cuts = [whole[:cut], whole[cut:cut + 2**20], whole[cut + 2**20:]]
                return [[chunk[0], part, chunk[2]] for chunk, part in zip(all, cuts)]
            return chunks
        self.accepted(big, chunks=parts(2**20))
        self.refused_change("not the full size", big, chunks=parts(2**20 - 1))
        self.refused_change("more than one change", big, chunks=parts(2**20, b"\x83\0\xf6\x81\xf6"))
        self.refused_change("large change that is none", after, chunks=lambda all: [[2, *all[0][1:]]])
        many = [["t", n, b"o" * 16, None] for n in range(5_000)] + [["t", n, None, ["y" * 300]] for n in range(5_000, 9_000)]
        base = changed(B, *(["t", n, []] for n in range(20_000, 26_000)))
        self.assertEqual(self.accepted(*many, base=base, chunks=seen).changes, many)
        self.assertGreater(len(kinds), 2)
        self.refused_change("out of order", *many, base=base, chunks=lambda all: [all[1], all[0], *all[2:]])
        self.refused_change("empty chunk", after, chunks=lambda all: [*all, [0, b"", [0, bytes(16), []]]])

        def rewritten(plaintext):
            return lambda all: [[0, plaintext, all[0][2]]]
        self.refused_change("not a head", after, chunks=rewritten(b"\x83\x02\xf6\x80"))
        self.refused_change("without changes", after, chunks=rewritten(b"\x61t\x61u\x83\x02\xf6\x80"))
        self.refused_change("two runs", after, chunks=rewritten(b"\x61t\x83\x02\xf6\x80\x61t\x83\x03\xf6\x80"))

    def test_selection(self):
        value = [["a", "b"], ["c"], [["a", "x > 1"], ["b", "y"]], ["b"]]
        part = changed(B, [2, None, value])
        shown = list(lines(read_bundle(full_bundle(KEYS, part), KEY)))
        where = {"a": "x > 1", "b": "y"}
        self.assertIn({"selection": {"tables": ["a", "b"], "exclude": ["c"], "where": where, "cache": ["b"]}}, shown)
        self.accepted([2, None, None, [[], [], [], []]])
        self.assertEqual(read_chain([full_bundle(KEYS, part), delta(KEYS, part, B)], KEY).changes, changes_between(KEYS, {}, B))
        for why, fault in {
            "leaves nothing out": [None, [], [], []],
            "out of order": [["b", "a"], [], [], []],
            "twice": [None, ["a", "a"], [], []],
            "with a name twice": [None, [], [["a", "x"], ["a", "y"]], []],
            "order, or": [None, [], [], ["\U00010000", "\uffff"]],
            "selection that is none": [None, [], []],
            "condition that is none": [None, [], [["a"]], []],
            "name that is none": [None, [1], [], []],
        }.items():
            self.refused_change(why, [2, None, None, fault])
        self.refused("above its limit", delta_of(KEYS, B, [[2, None, None, [None, ["x" * 2**20], [], []]]]), kind="too big")
        self.refused_change("key of an item", [2, 1, None, value])

    def test_a_row_that_looks_like_a_wrapped_text(self):
        odd = changed(B, ["t", 3, [1, b"ab"]], ["t", 4, [7, b""]], ["u", [2, b"k"], []], WIDE)
        shown = list(lines(read_bundle(full_bundle(KEYS, odd), KEY)))
        self.assertEqual(shown[-3:], [["t", 3, [1, {"blob": "6162"}]], ["t", 4, [7, {"blob": ""}]], ["u", [2, {"blob": "6b"}], []]])


class ChainTest(Helpers):
    C = changed(B, ["t", 1, ["ho", None]], without=[ROW_2])
    D = changed(C, ["t", 2, ["back", None]], ["t", 5, [5, None]])

    def chain(self, *states):
        return [full_bundle(KEYS, states[0])] + [delta(KEYS, a, b) for a, b in zip(states, states[1:])]

    def test_the_last_state(self):
        for states in [B], [B, self.C], [B, self.C, self.D], [B, self.C, B], [B, self.C, B, self.C], [B, B]:
            last = read_chain(self.chain(*states), KEY)
            self.assertEqual(list(lines(last)), list(lines(read_bundle(full_bundle(KEYS, states[-1]), KEY))))

    def test_links(self):
        full, first, second = self.chain(B, self.C, self.D)
        for why, files in {
            "base that is not the state before": [full, second],
            "a base that": [full, second, first],
            "not the first": [full, full],
            "full bundle that": [first, full],
            "the state before": [full, first, first],
            "two domains": [full_bundle(keys_of(KEY, "other"), B, domain="other"), first],
        }.items():
            self.refused(why, *files, kind="mismatch")
            with self.assertRaisesRegex(Refused, "^mismatch"):
                read_chain(files)  # the keyless reader sees it too
        with self.assertRaisesRegex(Refused, "^wrong key"):
            read_chain([full, first], bytes(range(32)))

    def test_each_old_is_of_what_is_there(self):
        """Each of these deltas is sound by itself."""
        full = full_bundle(KEYS, B)
        for forged in (["t", 1, b"o" * 16, [1]], ["t", 1, None, [1]], ["t", 3, b"o" * 16, [1]], ["t", 3, b"o" * 16, None],
                       ["t", [1], digest(ROW_1), None]):
            self.refused("item that is there", full, delta_of(KEYS, B, [forged]))
            self.accepted(forged)
        # Without a full bundle it is known of the items that the chain has touched.
        first, c = delta(KEYS, B, self.C), self.C
        self.refused("item that is there", first, delta_of(KEYS, c, [["t", 1, digest(ROW_1), [1]]]))
        self.refused("item that is there", first, delta_of(KEYS, c, [["t", 2, digest(ROW_2), None]]))
        read_chain([first, delta_of(KEYS, c, [["t", 7, b"o" * 16, [1, None]]])], KEY)

    def test_the_last_state_obeys_the_rules(self):
        full = full_bundle(KEYS, changed(B, ["t", 1, ["hi"]], ["t", 2, [2]]))
        base = changed(B, ["t", 1, ["hi"]], ["t", 2, [2]])

        def refused(why, *changes):
            forged = delta_of(KEYS, base, changes)
            read_bundle(forged, KEY)
            self.refused(why, full, forged)
        refused("schema does not have", [1, None, digest(SCHEMA), []])
        refused("schema does not have", ["u", 1, None, [1]])
        refused("another encoding", [0, None, digest(SETTINGS), [0, 1, 3]])
        refused("another encoding", ["t", 3, None, [[3, b"\0x"]]])
        refused("two kinds", ["t", [1], None, []])

    def test_composing(self):
        second = changed(B, ["t", 3, [3, None]], without=[ROW_1])
        third = changed(second, ROW_1, ["t", 2, [2, None]], without=[["t", 3, [3, None]]])
        bundles = [read_bundle(delta(KEYS, a, b), KEY) for a, b in [(B, second), (second, third)]]
        # Row 1 went and came back, row 3 came and went: what is left is row 2.
        composed = compose(bundles)
        self.assertEqual(composed.changes, [["t", 2, digest(ROW_2), [2, None]]])
        self.assertEqual((composed.base_id, composed.state_id), (bundles[0].base_id, bundles[1].state_id))

    def test_random_chains(self):
        """Composed bundles are those of the states at their ends, byte for byte, however the chain is parted."""
        generator = random.Random(7)

        def step(at):
            at = dict(at)
            for _ in range(generator.randrange(6)):
                table, value = generator.choice("tu"), generator.randrange(3)
                key = generator.randrange(6) if table == "t" else [generator.choice([1, 1.0, "k", b"k", None]), value]
                selection = [2, None, [None, [], [], ["tu"[value % 2]]]]
                others = [0, None, [value, 0, 1]], selection, ["sqlite_sequence", None, [["t", value]]]
                item = generator.choice([[table, key, [value]], *others])
                if generator.random() < 0.4 and item[0] != 0:
                    at.pop((item[0], encode(item[1])), None)
                else:
                    at.update(state(item))
            return at

        def encoded(bundle):
            return encode_bundle(KEYS, bundle.base, bundle.target, bundle.changes)
        for _ in range(60):
            states = [step(state(SETTINGS, WIDE))]
            states += [states[0] if generator.random() < 0.1 else step(states[-1]) for _ in range(4)]
            files = self.chain(*states)
            self.assertEqual(encoded(read_chain(files, KEY)), full_bundle(KEYS, states[-1]))
            self.assertEqual(encoded(read_chain(files[1:], KEY)), delta(KEYS, states[0], states[-1]))
            middle = encoded(read_chain(files[1:4], KEY))
            self.assertEqual(encoded(read_chain([middle, files[4]], KEY)), delta(KEYS, states[0], states[-1]))

    def test_the_command(self):
        with tempfile.TemporaryDirectory() as directory:
            def run(files, *key):
                paths = [Path(directory, f"{n}.bundle") for n in range(len(files))]
                for path, data in zip(paths, files):
                    path.write_bytes(data)
                script = Path(__file__).with_name("second_decoder.py")
                return subprocess.run([sys.executable, script, *paths, *key], capture_output=True, text=True)
            files = self.chain(B, self.C, self.D)
            self.assertEqual(run(files, KEY_TEXT).stdout, run([full_bundle(KEYS, self.D)], KEY_TEXT).stdout)
            self.assertEqual(run(files[1:], KEY_TEXT).stdout, run([delta(KEYS, B, self.D)], KEY_TEXT).stdout)
            self.assertIn(KEYS.state_id(*total(KEYS, self.D)).hex(), run(files).stdout)
            self.assertIn("mismatch", run(files[::-1], KEY_TEXT).stderr)
            self.assertEqual(run(files[::-1]).returncode, 1)


if __name__ == "__main__":
    unittest.main()
