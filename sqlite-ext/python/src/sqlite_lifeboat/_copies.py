"""Copies of a series: which are meant, and what was found in them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Optional, Union

from ._arguments import option_text, path_of
from ._errors import MisuseError


class Copies:
    """One or several copies of a series, to be given in the place of bundles: directories in which `save` keeps it, as paths or as
    `dir:PATH`.

    The newest state is meant, or one of these: `seq`, the save with this number; `state`, the one with this id; `at`, the last
    one at this date or before (`2026-11-29`, which means its end in UTC, or with a time). `domain`: which series, if the
    copies hold several of the key: the name of its domain, or its id.
    """

    def __init__(
        self,
        *directories: Union[str, os.PathLike[str]],
        domain: Optional[str] = None,
        seq: Optional[int] = None,
        state: Optional[str] = None,
        at: Optional[str] = None,
    ) -> None:
        if not directories:
            raise MisuseError("give at least one directory of a copy")
        if seq is not None and (isinstance(seq, bool) or not isinstance(seq, int) or not 0 <= seq < 1 << 63):
            raise MisuseError("seq is the number of a save: 1, 2, ...")
        if sum(choice is not None for choice in (seq, state, at)) > 1:
            raise MisuseError("seq, state and at exclude one another: give one")
        self.directories = [path_of(_without_kind(path), "a copy") for path in directories]
        texts = {"domain": domain, "state": state, "at": at}
        #: The options of the command.
        self.options = [f"--{name}={option_text(text, name)}" for name, text in texts.items() if text is not None]
        if seq is not None:
            self.options.append(f"--seq={seq}")


def _without_kind(path: object) -> object:
    return path.removeprefix("dir:") if isinstance(path, str) else path


@dataclass(frozen=True)
class Save:
    """A save of a series, as its signed record tells of it."""

    #: The order of saves is that of their numbers, never that of their dates.
    number: int
    #: SHA-256 of its record: 64 hexadecimal digits.
    record_hash: str
    #: The state that was saved.
    state_id: str
    #: `full`, `delta`, or `mark`: no bundle, the state before it is still current.
    kind: str
    #: Bytes of its bundle, its SHA-256 and its UUID; None for a mark.
    size: Optional[int]
    sha256: Optional[str]
    uuid: Optional[str]
    #: A date of RFC 3339 in UTC, the writer and the label; None with a verify key, or where the writer said nothing.
    date: Optional[str]
    writer: Optional[str]
    label: Optional[str]

    @classmethod
    def _of(cls, json: dict[str, Any]) -> Save:
        names = ("record-hash", "state-id", "kind", "size", "sha256", "uuid", "date", "writer", "label")
        return cls(json["number"], *(json[name] for name in names))


@dataclass(frozen=True)
class LeftOut:
    """A save that cannot be had. `save` is None where its record itself is lost."""

    number: int
    save: Optional[Save]
    why: str


@dataclass(frozen=True)
class CopyReport:
    """A copy, as it was seen. `standing`: current, behind, empty, withholds or forked. `junk`: how many names are none of a
    series."""

    directory: str
    standing: Optional[str]
    newest: Optional[Save]
    junk: int


@dataclass(frozen=True)
class Series:
    """What was found in copies."""

    domain_id: str
    #: The save whose state it is.
    save: Save
    #: True: this is an older state than the one that was asked for. `left_out` has the saves that cannot be had, the first 100
    #: from the newest down, and `left_out_more` how many more there are. Tell people.
    older: bool
    left_out: tuple[LeftOut, ...]
    left_out_more: int
    copies: tuple[CopyReport, ...]
    #: Objects that are damaged, that somebody else signed, or that could not be read, as (directory, name, why): the first 100.
    unfit: tuple[tuple[str, str, str], ...]
    unfit_more: int

    @classmethod
    def _of(cls, json: Optional[dict[str, Any]], names: dict[str, str]) -> Optional[Series]:
        """`names`: what the directories are called that the command names."""
        if json is None:
            return None
        left_out = (LeftOut(left["number"], _save(left["save"]), left["why"]) for left in json["left-out"])
        return cls(
            domain_id=json["domain-id"],
            save=Save._of(json["save"]),
            older=json["older"],
            left_out=tuple(left_out),
            left_out_more=json["left-out-more"],
            copies=tuple(
                CopyReport(names[copy["directory"]], copy["standing"], _save(copy["newest"]), copy["junk"])
                for copy in json["copies"]
            ),
            unfit=tuple((names[unfit["directory"]], unfit["name"], unfit["why"]) for unfit in json["unfit"]),
            unfit_more=json["unfit-more"],
        )


def _save(json: Optional[dict[str, Any]]) -> Optional[Save]:
    return None if json is None else Save._of(json)
