#!/usr/bin/env python3
"""Tests of second_log.py on the worked record of core/FORMAT.md.

    second_log_test.py"""

import json
import re
import unittest
from pathlib import Path

from second_log import is_name, said, uuid
from second_values import Refused

PAGE = (Path(__file__).parents[2] / "core/FORMAT.md").read_text()
KEY = "lifeboatkey1qypqxpq9qcrsszg2pvxq6rs0zqg3yyc5z5tpwxqergd3c8g7rusq693l86"
DOMAIN = "879c4b5201aebc81f7a5c36727bb885e"


def block(name):
    return bytes.fromhex(re.search(f"```{name}\n(.*?)```", PAGE, re.DOTALL)[1])


def named(name):
    return re.search(f"^    {name} +(\\S+)$", PAGE, re.MULTILINE)[1].replace("…", DOMAIN)


class WorkedRecord(unittest.TestCase):
    def test_record(self):
        says = json.loads(said(block("record"), KEY, "record"))
        self.assertEqual(says["name"], named("name of the record"))
        self.assertEqual(says["bundles"], [[named("SHA-256 of the bundle"), len(block("bundle")), None]])
        self.assertEqual(says["details"], [1_795_953_600_000, "till 7", None, 3_054_001, 4096, None])

    def test_floor(self):
        says = json.loads(said(block("floor"), KEY, "floor"))
        record = json.loads(said(block("record"), None, "record"))
        self.assertEqual(says["name"], named("name of the floor"))
        self.assertEqual(says["record"], [1, record["name"].rpartition("-")[2]])

    def test_each_changed_byte_is_refused(self):
        for form in "record", "floor":
            data = block(form)
            for at in range(len(data)):
                changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]
                with self.assertRaises(Refused, msg=f"{form}: {at}"):
                    said(changed, None, form)

    def test_names(self):
        names = [named("its name"), named("name of the record"), named("name of the floor")]
        for name in names:
            self.assertTrue(is_name(name), name)
            for wrong in name.upper(), name + "/", name[1:], name.replace("/", "//", 1), name[:-1] + "g", name + "\n":
                self.assertFalse(is_name(wrong), wrong)
        self.assertFalse(is_name(names[0].replace("/9b/", "/9c/")))
        self.assertFalse(is_name(names[1].replace("/998-", "/999-")))
        self.assertFalse(is_name(names[2].replace("9998-", "9999-")))

    def test_uuid(self):
        self.assertEqual(uuid(bytes.fromhex(named("SHA-256 of the bundle"))), named("its UUID"))
        self.assertEqual(uuid(bytes([255] * 32)), "ffffffff-ffff-8fff-bfff-ffffffffffff")


if __name__ == "__main__":
    unittest.main()
