"""From the lines that the command writes for rows, to Python's values."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable
from typing import Any, Union

from ._copies import Series
from ._errors import TruncatedError
from ._reports import Batch, IllFormedText, Row, Salvaged, Summary, Value

#: A batch is complete when its lines have so many bytes.
_BATCH = 1 << 18

_CODECS = {"UTF-8": "utf-8", "UTF-16le": "utf-16-le", "UTF-16be": "utf-16-be"}


def batches(pieces: Iterable[bytes], names: dict[str, str]) -> Generator[Batch, None, Union[Summary, Salvaged]]:
    """Collects rows of one table. `names`: what the directories are called that the command names."""
    decode: Callable[[str], Any] = json.loads
    table = ""
    columns: tuple[str, ...] = ()
    rows: list[Row] = []
    size = 0
    summary: Union[Summary, Salvaged, None] = None
    for line in _lines(pieces):
        if line.startswith(b"["):
            rowid, *values = decode(line.decode())
            rows.append(Row(rowid, tuple(values)))
            size += len(line)
            if size < _BATCH:
                continue
        if rows:
            yield Batch(table, columns, rows)
            rows, size = [], 0
        if line.startswith(b"{"):
            head = json.loads(line)
            if "summary" in head:
                if "salvaged" in head["summary"]:
                    summary = Salvaged._of(head["summary"])
                else:
                    summary = Summary._of(head["summary"], Series._of(head.get("series"), names))
            else:
                table, columns = head["table"], tuple(head["columns"])
                decode = json.JSONDecoder(object_hook=_values_in(head["encoding"])).decode
    if summary is None:
        raise TruncatedError("the rows ended without the proof that they are complete")
    return summary


def _lines(pieces: Iterable[bytes]) -> Generator[bytes, None, None]:
    rest: list[bytes] = []
    for piece in pieces:
        first, *lines = piece.split(b"\n")
        rest.append(first)
        if lines:
            yield b"".join(rest)
            *complete, last = lines
            yield from complete
            rest = [last]


def _values_in(encoding: str) -> Callable[[dict[str, Any]], Value]:
    """Reads the values that JSON has no form for."""

    def value(special: dict[str, Any]) -> Value:
        if "blob" in special:
            return bytes.fromhex(special["blob"])
        content = bytes.fromhex(special["text"])
        try:
            # One with a NUL in it is well-formed.
            return content.decode(_CODECS[encoding])
        except UnicodeDecodeError:
            return IllFormedText(encoding, content)

    return value
