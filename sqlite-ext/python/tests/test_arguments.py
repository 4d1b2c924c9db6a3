"""Mistakes that people make: each is told with its remedy, in an error of this package, and no key shows."""

from __future__ import annotations

import inspect
import os
from pathlib import Path
from typing import Any, Callable

import sqlite_lifeboat as lifeboat
from sqlite_lifeboat._never import holds_key
from sqlite_lifeboat._redact import redact

from .scene import Scene, connect, one


class Arguments(Scene):
    def misuse(self, call: Callable[[], Any], words: str) -> None:
        with self.assertRaises(lifeboat.MisuseError) as raised:
            call()
        self.assertIn(words, str(raised.exception))
        self.assertNotIn(self.key[20:], str(raised.exception).lower())

    def all(self, *arguments: Any, words: str, **options: Any) -> None:
        """Each function that takes a key, with these in the places of bundles and key."""
        bundles, key = arguments
        for call in (
            lambda: lifeboat.recover(bundles, key, self.path("new.db"), **options),
            lambda: lifeboat.info(bundles, key, **options),
            lambda: list(lifeboat.rows(bundles, key, **options)),
        ):
            self.misuse(call, words)
        self.assert_holds(*self.there)

    def setUp(self) -> None:
        super().setUp()
        self.there = ["app.key"]
        self.write("app.key", self.key.encode())

    def test_the_key(self) -> None:
        bundle = self.chain[0]
        forms = "give the text that keygen() made, or 'file:PATH', or 'env:NAME'"
        remedy = "for the key in a file, write 'file:PATH', with 'file:' before its path"
        for key, words in [
            (None, f"the recovery key is None; {forms}"),
            (self.key.encode(), f"the recovery key is of the type bytes; {forms}"),
            (7, "of the type int"),
            ({"expect": "x"}, "of the type dict"),
            (self.path("app.key"), remedy),
            ("recovery.key", remedy),
            (bundle, "look at the order of the arguments"),
            ('{"replace": true}', "options are given by their names"),
            ("swordfish", forms),
            ("", "the text is empty"),
        ]:
            self.all(bundle, key, words=words)
        self.misuse(lambda: lifeboat.verify(bundle, key=b"x"), "the recovery key is of the type bytes")  # type: ignore[call-overload]
        self.misuse(lambda: lifeboat.verify(bundle, verify_key="x"), "this is not a verify key")
        self.misuse(lambda: lifeboat.verify(bundle, verify_key=3), "the verify key is of the type int")  # type: ignore[call-overload]

    def test_a_key_in_another_place(self) -> None:
        words = "a recovery key stands where the path of a bundle belongs; look at the order of the arguments"
        for key in (self.key, self.key.upper(), " ".join(self.key)):
            self.all(key, self.chain[0], words=words)
            self.all([self.chain[0], key], self.key, words=words)
            target = "a recovery key stands where the path of the database belongs"
            self.misuse(lambda: lifeboat.recover(self.chain[0], self.key, key), target)
        self.all(f"file:{self.path('app.key')}", self.chain[0], words="the form of a key, 'file:PATH' or 'env:NAME', stands where")

    def test_the_forms_of_a_key(self) -> None:
        state = lifeboat.verify(self.chain[0]).report.state_id
        groups = " ".join(self.key[at : at + 4] for at in range(0, len(self.key), 4))
        for key in (Path(self.path("app.key")), f"file:{self.path('app.key')}", groups, groups.upper(), f"\n{self.key}\t"):
            self.assertEqual(lifeboat.info(self.chain[0], key).report.state_id, state)
        # As the recovery page shows it.
        grouped = " ".join(state[at : at + 4] for at in range(0, len(state), 4))
        for expect in (state, grouped, grouped.upper()):
            lifeboat.verify(self.chain[0], expect=expect)
        verify_key = lifeboat.verify(self.chain[0]).report.verify_key
        self.write("verify.key", verify_key.encode() + b"\n")
        for signer in (verify_key, f"file:{self.path('verify.key')}", " ".join(verify_key)):
            self.assertTrue(lifeboat.verify(self.chain[0], verify_key=signer).report.authentic)

    def test_the_keys_of_one_domain(self) -> None:
        db = connect(":memory:")
        self.addCleanup(db.close)
        keys = [one(db, f"SELECT backup_{kind}_key(?)", self.key) for kind in ("write", "read")]
        self.assertIs(lifeboat.info(self.chain[0], self.key).domain_proven, True)
        for key, kind in zip(keys, ("write", "read")):
            summary = lifeboat.info(self.chain, " ".join(key))
            self.assertEqual((summary.domain, summary.domain_proven, summary.report.authentic), ("default", None, True))
            self.misuse(lambda: lifeboat.verify(key), f"a {kind} key stands where the path of a bundle belongs")
            other = one(db, f"SELECT backup_{kind}_key(?, 'another')", self.key)
            with self.assertRaisesRegex(lifeboat.WrongKeyError, f"this {kind} key "):
                lifeboat.info(self.chain[0], other)

    def test_no_form_of_the_keys_of_one_domain_is_shown(self) -> None:
        body = self.key[12:] * 3
        for key in (f"lifeboatwrite1{body[:83]}", f"lifeboatread1{body[:134]}"):
            prefix, behind = key[: key.index("1") + 1], key[key.index("1") + 1 :]
            in_groups = [" ".join(key[at : at + size] for at in range(0, len(key), size)) for size in (1, 4, 8, 20, 72)]
            for text in (key, key.upper(), behind, f"{prefix} {behind}", *in_groups):
                shown = "".join(redact(f"'{text}' cannot be read").lower().split())
                self.assertIn("[key]", shown)
                self.assertNotIn(behind[8:], shown)
                self.assertNotIn(behind[-20:], shown)
                self.assertTrue(text in behind.upper() + behind or holds_key(text.encode()))
            self.assertEqual(redact(f"{key} that was there"), f"{prefix}[key] that was there")

    def test_paths(self) -> None:
        for bundles, words in [
            (None, "the path of a bundle is None; give it as a str or a Path"),
            (b"app.bundle", "the path of a bundle is of the type bytes"),
            (5, "the path of a bundle is of the type int"),
            ([self.chain[0], None], "the path of a bundle is None"),
            ([[self.chain[0]]], "the path of a bundle is of the type list"),
            ("", "is empty"),
        ]:
            self.all(bundles, self.key, words=words)
            self.misuse(lambda: lifeboat.verify(bundles), words)  # type: ignore[arg-type]
        for path, words in [(None, "the path of the database is None"), (b"x", "of the type bytes"), ("", "is empty"), ("a\0", "NUL")]:
            self.misuse(lambda: lifeboat.recover(self.chain[0], self.key, path), words)  # type: ignore[arg-type]

    def test_options(self) -> None:
        for options, words in [
            ({"expect": 5}, "expect is of the type int"),
            ({"expect": "a\0"}, "expect has a NUL"),
            ({"timeout": "soon"}, "timeout is of the type str; give it in seconds"),
            ({"timeout": float("nan")}, "timeout"),
            ({"max_memory": None}, "max_memory is None; give it in bytes"),
            ({"max_memory": 1.5}, "max_memory is of the type float"),
            ({"progress": "yes"}, "progress is of the type str; give a function"),
            ({"replace": "no"}, "replace is of the type str; give True or False"),
            ({"reindex": 1}, "reindex is of the type int; give True or False"),
            ({"page_size": "4096"}, "page size 4096: give a power of two from 512 to 65536"),
            ({"page_size": True}, "page size True: give a power of two"),
        ]:
            call = lambda: lifeboat.recover(self.chain[0], self.key, self.path("new.db"), **options)  # type: ignore[arg-type]
            self.misuse(call, words)

    def test_what_is_in_the_package(self) -> None:
        names = [name for name in dir(lifeboat) if not name.startswith("__")]
        self.assertEqual(names, sorted(lifeboat.__all__))
        self.assertIn("recover", names)
        for name in names:
            found = getattr(lifeboat, name)
            if isinstance(found, type) or inspect.isfunction(found):
                # A dataclass without one gets the list of its fields.
                self.assertTrue(found.__doc__ and not found.__doc__.startswith(f"{name}("), name)
        with self.assertRaises(AttributeError):
            getattr(lifeboat, "Any")

    def test_no_form_of_a_key_is_shown(self) -> None:
        body = self.key[12:]
        groups = " ".join(self.key[at : at + 4] for at in range(0, len(self.key), 4))
        typo = f"{self.key[:30]}b{self.key[31:]}"
        spelled = (" ".join(body), "-".join(body), " ".join(self.key), f"lifeboatkey1 {groups[13:]}")
        for text in (self.key, self.key.upper(), groups, typo, body, body.upper(), f"x/{body}.db", *spelled):
            for error in (lifeboat.HostError(f"'{text}' cannot be read"), lifeboat.MisuseError(text)):
                shown = "".join(str(error).lower().split()).replace("-", "")
                self.assertIn("[key]", shown)
                self.assertNotIn(body[8:], shown)
        verified = lifeboat.verify(self.chain[0]).report
        state = " ".join(verified.state_id[at : at + 4] for at in range(0, 64, 4))
        follows = f"it leads on from the state {'07' * 32}, and the bundle that leads there is missing"
        for text in (follows, verified.verify_key, verified.state_id, state, "0" * 64, "it should start with \"lifeboatkey1\"", "lifeboatkey1…"):
            self.assertEqual(redact(text), text)
        self.assertEqual(redact(f"'{self.key}' cannot be read"), "'lifeboatkey1[key]' cannot be read")
        self.assertEqual(redact(f"{self.key} that was there"), "lifeboatkey1[key] that was there")
        self.assertEqual(os.path.basename(redact(f"a/{self.key}.db")), "lifeboatkey1[key].db")
