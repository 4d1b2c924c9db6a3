"""From the lines that the command writes for rows, to Python's values."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable
from typing import Any, Optional

from ._errors import TruncatedError
from ._reports import Batch, IllFormedText, Row, Summary, Value

#: A batch is complete when its lines have so many bytes.
_BATCH = 1 << 18

_CODECS = {"UTF-8": "utf-8", "UTF-16le": "utf-16-le", "UTF-16be": "utf-16-be"}


def batches(pieces: Iterable[bytes]) -> Generator[Batch, None, Summary]:
    """Collects rows of one table."""
    decode = json.JSONDecoder(object_hook=_value).decode
    table = ""
    columns: tuple[str, ...] = ()
    rows: list[Row] = []
    size = 0
    summary: Optional[Summary] = None
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
                summary = Summary._of(head["summary"])
            else:
                table, columns = head["table"], tuple(head["columns"])
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


def _value(special: dict[str, Any]) -> Value:
    """A value that JSON has no form for."""
    if "blob" in special:
        return bytes.fromhex(special["blob"])
    content = bytes.fromhex(special["text"])
    try:
        # A long one may be well-formed.
        return content.decode(_CODECS[special["encoding"]])
    except UnicodeDecodeError:
        return IllFormedText(special["encoding"], content)
