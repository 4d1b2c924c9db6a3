"""The command: `python -m sqlite_lifeboat`, or `sqlite-lifeboat`."""

from __future__ import annotations

import argparse
import getpass
import json
import os
import signal
import sys
import warnings
from contextlib import closing
from typing import Any, NoReturn, Optional

from . import Error, __version__
from . import _command as recovery
from ._command import Limits
from ._copies import Copies
from ._recovery import MAX_MEMORY, Sources, recover_report, row_lines, salvage_text, save_lines, verify_text
from ._redact import has_key, redact
from ._reports import shown

EXIT = """
exit codes:
  0  done
  1  refused: the reason is on the standard error, as `sqlite-lifeboat: KIND: what happened`, where KIND is wrong key, corrupt,
     truncated, unsupported, too big, misuse, mismatch, host, busy or interrupted
  2  a mistake in the command line
  10 incomplete: what came back was written, and is not all (with --salvage; or of copies, an older state)
  130, 143  interrupted or terminated; nothing was changed
"""

KEY = "file with the recovery key, write key or read key; without it the key is asked for"
KEY_SHOWS = (
    "a key does not belong on the command line, where others can see it (in the list of processes, in the history of the "
    "shell): put it into a file that you alone can read, and give --key-file FILE, or let it be asked for"
)


def main(arguments: Optional[list[str]] = None) -> int:
    """Runs the command and gives its exit code."""
    # Cleans up as after an interruption.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    parser = _parser()
    words = sys.argv[1:] if arguments is None else arguments
    if any(map(has_key, words)) or any(word.partition("=")[0] in ("--key", "--recovery-key") for word in words):
        parser.error(KEY_SHOWS)
    options = parser.parse_args(words)
    # Rows on a terminal leave no line for it.
    shows_progress = sys.stderr.isatty() and not (options.command == "rows" and sys.stdout.isatty())
    line = _ProgressLine() if shows_progress else None
    # Here the options are flags.
    recovery.words = str
    try:
        key = _key(options, parser)
        limits = Limits(options.max_memory << 20, options.timeout)
        incomplete = _do(options, key, line, limits)
        sys.stdout.flush()
        if incomplete:
            return _end(line, f"sqlite-lifeboat: incomplete: {incomplete[0]}", 10)
    except Error as error:
        return _end(line, f"sqlite-lifeboat: {error}", 1)
    except KeyboardInterrupt:
        return _end(line, "sqlite-lifeboat: interrupted: nothing was changed", 130)
    except BrokenPipeError:
        # Who reads has had enough. Nothing may be written there any more, not even when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _end(line, "sqlite-lifeboat: host: the standard output was closed", 1)
    return 0


def _do(options: argparse.Namespace, key: Optional[str], progress: Optional[_ProgressLine], limits: Limits) -> list[str]:
    """Does it, and tells why what was written is not all."""
    sources = _sources(options)
    incomplete: list[str] = []
    if options.command in ("rows", "log"):
        assert key is not None
        if options.command == "log":
            lines = save_lines(sources, key, options.json, progress, limits)
        else:
            lines = row_lines(sources, key, options.expect, options.salvage, progress, limits, incomplete)
        with closing(lines) as pieces:
            for piece in pieces:
                sys.stdout.buffer.write(piece)
        if progress is not None:
            progress.clear()
        return incomplete
    if options.command == "recover":
        assert key is not None
        out, page_size, salvage = options.out, options.page_size, options.salvage
        replace, reindex, skip = options.replace, options.reindex, options.skip_indexes
        report = recover_report(
            sources, key, out, options.expect, page_size, replace, reindex, skip, salvage, progress, limits, incomplete
        )
        text = json.dumps(report, separators=(",", ":")) + "\n" if options.json else _recovered(report)
    elif options.salvage:
        assert key is not None
        text = salvage_text(sources, key, progress, limits, options.json, incomplete)
    else:
        text = verify_text(sources, key, options.verify_key, options.expect, progress, limits, options.json, incomplete)
    if progress is not None:
        progress.clear()
    sys.stdout.write(text)
    return incomplete


def _sources(options: argparse.Namespace) -> Sources:
    """The bundles, or copies."""
    choice = {name: getattr(options, name) for name in ("domain", "seq", "state", "at")}
    is_chosen = any(value is not None for value in choice.values())
    if is_chosen or all(map(os.path.isdir, options.bundles)):
        return Sources(Copies(*options.bundles, **choice))
    return Sources(options.bundles)


def _recovered(report: dict[str, Any]) -> str:
    """What was recovered, for people."""
    lines = [
        *_origin(report),
        *(("table", f"{shown(table['name'])} ({table['rows']} rows)") for table in report["summary"]["tables"]),
        ("recovered", f"{report['size']} bytes, built by SQLite {report['sqlite-version']}"),
        ("reindexed", report["reindexed-by"] and f"by SQLite {report['reindexed-by']}"),
        *(("left out", f"{shown(name)} (index)") for name in report["left-out"]),
        ("to do", report["advice"]),
    ]
    return "".join(f"{name:<13}{value}\n" for name, value in lines if value is not None)


def _origin(report: dict[str, Any]) -> list[tuple[str, Optional[str]]]:
    """Which state it is; or, of what was salvaged, what is missing."""
    summary = report["summary"]
    if "report" not in summary:
        ranges = len(summary["missing"]) + summary.get("missing_more", 0)
        return [("verdict", "salvaged: nothing is missing" if ranges == 0 else f"salvaged: missing are {ranges} ranges of the state")]
    series = report.get("series")
    lines: list[tuple[str, Optional[str]]] = []
    if series is not None:
        older = " (OLDER than what was asked for)" if series["older"] else ""
        lines.append(("save", _when(series["save"]) + older))
        left_out = [f"{_when(left['save'] or left)} ({shown(left['why'])})" for left in series["left-out"]]
        lines += [("left out", text) for text in left_out]
        if series["left-out-more"]:
            lines.append(("left out", f"and {series['left-out-more']} more saves"))
    public = summary["report"]
    return [
        *lines,
        ("verdict", "complete, undamaged, and by the expected signer"),
        ("state id", public["state-id"]),
        ("signed by", public["verify-key"]),
    ]


def _when(save: dict[str, Any]) -> str:
    date = save.get("date")
    return f"number {save['number']}" + (f" of {date}" if date else "")


class _Parser(argparse.ArgumentParser):
    """Takes options as they are named, and shows no key."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(allow_abbrev=False, **arguments)

    def error(self, message: str) -> NoReturn:
        super().error(redact(message))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="sqlite-lifeboat",
        description="Verify Lifeboat bundles, look into them, recover what is in them.",
        epilog=EXIT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"sqlite-lifeboat {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)

    recover = _command(commands, "recover", "write the database file, after proving that it is the very state")
    recover.add_argument("--out", metavar="DATABASE", required=True, help="the file to write; whole or not at all")
    recover.add_argument("--replace", action="store_true", help="an existing DATABASE may be replaced")
    recover.add_argument(
        "--reindex",
        action="store_true",
        help="compute the indexes on expressions and the partial ones anew with the SQLite of this Python, which evaluates "
        "expressions of the bundle: for bundles that you made",
    )
    recover.add_argument(
        "--skip-indexes",
        action="store_true",
        help="leave out, and list, the indexes that the SQLite inside cannot build: those under a collation of the "
        "application, or with a function that this SQLite lacks",
    )
    recover.add_argument("--page-size", metavar="N", type=int, help="a power of two from 512 to 65536 (4096)")
    verify = _command(commands, "verify", "check bundles; with the recovery key also that all can be opened")
    verify.add_argument("--verify-key", metavar="KEY", help="the verify key of who should have signed")
    verify.add_argument("--ask-key", action="store_true", help="ask for the recovery key")
    info = _command(commands, "info", "what is inside")
    rows = _command(commands, "rows", "write all rows as lines of JSON; the last one proves that none is missing")
    log = _command(commands, "log", "list the saves in copies, the newest first")
    for command in (recover, info, rows):
        command.add_argument(
            "--salvage",
            action="store_true",
            help="of bundles that are damaged, what they still prove; the report lists what is missing. Look for another copy first",
        )
    for command in (recover, verify, info, rows):
        command.add_argument("--seq", metavar="N", type=int, help="of copies, the save with this number, and no other")
        command.add_argument("--state", metavar="STATE-ID", help="of copies, the save of this state, and no other")
        command.add_argument("--at", metavar="DATE", help="of copies, the last save at this date or before")
    for command in (recover, verify, info, log):
        command.add_argument("--json", action="store_true", help="the report as one JSON object; of log, one for each save")
    for command in (recover, verify, rows):
        command.add_argument("--expect", metavar="STATE-ID", help="the state that it must hold, of a chain the last one")
    recover.set_defaults(ask_key=True, verify_key=None)
    info.set_defaults(ask_key=True, verify_key=None, expect=None)
    rows.set_defaults(ask_key=True, verify_key=None)
    verify.set_defaults(salvage=False)
    log.set_defaults(ask_key=True, verify_key=None, salvage=False, seq=None, state=None, at=None)
    return parser


def _command(commands: argparse._SubParsersAction[_Parser], name: str, does: str) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=does, description=does)
    bundle = "a full bundle; or a chain: a full bundle and the deltas that lead on from it, oldest first; or directories of copies"
    if name == "log":
        bundle = "the directory of a copy"
    command.add_argument("bundles", metavar="BUNDLE", nargs="+", help=bundle)
    command.add_argument("--key-file", metavar="FILE", help=KEY if name != "verify" else KEY.partition(";")[0])
    command.add_argument("--domain", metavar="DOMAIN", help="which series of copies is meant: the name of its domain, or its id")
    command.add_argument("--timeout", metavar="SECONDS", type=float, help="give up after so long")
    command.add_argument("--max-memory", metavar="MIB", type=int, default=MAX_MEMORY >> 20, help="use no more (4096)")
    return command


def _key(options: argparse.Namespace, parser: argparse.ArgumentParser) -> Optional[str]:
    if options.verify_key is not None and (options.key_file is not None or options.ask_key):
        parser.error("the recovery key tells the verify key: give one of them")
    if options.key_file is not None:
        return f"file:{options.key_file}"
    if not options.ask_key:
        return None
    with warnings.catch_warnings():
        # Without a terminal the key would be shown.
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return getpass.getpass("Recovery key: ").strip()
        except (getpass.GetPassWarning, EOFError):
            parser.error("there is no terminal to ask for the recovery key: give --key-file")


class _ProgressLine:
    """One line on the terminal."""

    def __init__(self) -> None:
        self.shown = ""

    def __call__(self, phase: str, done: int, total: Optional[int]) -> None:
        line = phase if not total else f"{phase} {100 * min(done, total) // total}%"
        if line != self.shown:
            self.shown = line
            sys.stderr.write(f"\r\033[K{line}")
            sys.stderr.flush()

    def clear(self) -> None:
        if self.shown:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()


def _end(progress: Optional[_ProgressLine], message: str, code: int) -> int:
    if progress is not None:
        progress.clear()
    print(redact(message).replace("\n", " "), file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
