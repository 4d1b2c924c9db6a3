"""Tries to have functions called by the schema of a database, with the SQLite of apsw, or of Python
itself where there is no apsw: from_schema.py EXTENSION CONTROL DIRECTORY [all]. EXTENSION is
Lifeboat, CONTROL the library of sqlites/control.c.

Each statement of schema_places.py meets each of its places, in a new connection to a copy of the
forged database. The call there is coalesce(control(), f(…)), f being one of the functions that
write: where SQLite lets a schema call control(), f must have refused. After each statement
DIRECTORY/watched must be as it was, and so must `main`. The functions take turns. Where control()
was called, all of them are tried, by connections that trust the schema and by ones that do not.
`all` leaves out nothing.

Prints a line of JSON:

  sqlite   the version
  tried    how many statements
  works    the functions that did their work in a plain SELECT
  control  for each place, the statements that called control()
  pure     the same for control_pure(), with some of the statements
  refused  how many calls Lifeboat refused
  wrong    what must not be, in words"""

import json
import os
import shutil
import sqlite3
import sys

from schema_places import HERE, NAME, PLACES, STATEMENTS

try:
    import apsw
except ImportError:
    apsw = None

ERRORS = (apsw.Error if apsw else sqlite3.Error, sqlite3.Warning, UnicodeDecodeError)

SQLITE_DBCONFIG_DEFENSIVE = 1010
# Of the statements, those that control_pure() meets in a place.
PURE_EVERY = 5


class Connection:
    """A connection to a copy of a database in memory, with both libraries loaded."""

    def __init__(self, libraries, image=None, trusts=True):
        if apsw:
            self.connection = apsw.Connection(":memory:")
            self.connection.enableloadextension(True)
            load = self.connection.loadextension
        else:
            self.connection = sqlite3.connect(":memory:", isolation_level=None)
            self.connection.enable_load_extension(True)
            load = self.connection.load_extension
        for library in libraries:
            load(library)
        self.rows(f"SELECT control_config({SQLITE_DBCONFIG_DEFENSIVE}, {int(not trusts)})")
        self.rows(f"PRAGMA trusted_schema = {int(trusts)}")
        self.rows("PRAGMA foreign_keys = ON")
        if image is not None:
            self.connection.deserialize(*(("main", image) if apsw else (image,)))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def rows(self, sql, values=()):
        return list(self.connection.cursor().execute(sql, values))

    def image(self):
        return self.connection.serialize("main") if apsw else self.connection.serialize()

    def is_replaced(self):
        """Whether `main` is the database that the bundle holds."""
        try:
            return bool(self.rows("SELECT 1 FROM main.sqlite_schema WHERE name = 'restored'"))
        except ERRORS:
            return False


def look(directory, copy=()):
    """What a call that writes would change: the entries of a directory, and the directories of a copy, whose objects a call may delete."""
    with os.scandir(directory) as entries:
        stats = {entry.name: entry.stat() for entry in entries}
    stats.update((path, os.stat(path) if os.path.exists(path) else None) for path in copy)
    return {name: stat and (stat.st_ino, stat.st_size, stat.st_mtime_ns) for name, stat in stats.items()}


def parts(script):
    """The statements of a script."""
    piece = ""
    for part in script.split(";"):
        piece += part + ";"
        if piece.strip(" ;") and sqlite3.complete_statement(piece):
            yield piece
            piece = ""


class Attack:
    # What stands before each call, and shows that SQLite lets the schema call.
    beside = "control()"

    def __init__(self, libraries, directory):
        self.libraries = libraries
        # As long as one connection has the libraries, the system need not load them again.
        self.first = Connection(libraries)
        self.watched = os.path.join(directory, "watched")
        os.mkdir(self.watched)
        self.control = os.environ["CONTROL_FILE"] = os.path.join(self.watched, "control")
        self.file = os.path.join(directory, "forged.db")
        self.into = os.path.join(directory, "into.db")
        # A database that can be protected: those of the connections are in memory.
        self.guarded = os.path.join(directory, "guarded.db")
        guarded = sqlite3.connect(self.guarded)
        guarded.execute("PRAGMA journal_mode = WAL")
        guarded.execute("CREATE TABLE g(x)")
        guarded.close()
        self.tried = self.refused = 0
        self.wrong = []
        self.copy = ()
        self.calls = self.prepare()

    def prepare(self):
        """The functions that write, with arguments that make them do it."""
        names = ("a.bundle", "victim", "series", "copy", "healed", "local", "all", "dropped", "guard")
        bundle, victim, series, copy, healed, local, everything, dropped, guard = (os.path.join(self.watched, name) for name in names)
        with Connection(self.libraries) as connection:
            connection.rows("CREATE TABLE restored(x)")
            ((key,),) = connection.rows("SELECT backup_keygen()")
            ((content,),) = connection.rows(f"SELECT hex(backup_export('{key}'))")
            connection.rows(f"SELECT backup_export_file('{key}', '{bundle}')")
            with_local = f'{{"local": "{local}"}}'
            connection.rows(f"SELECT backup_save('{key}', 'dir:{series}', '{with_local}')")
            shutil.rmtree(local)
        shutil.copytree(series, dropped)
        self.copy = [path for path, _, _ in os.walk(dropped)]
        replace = '{"replace": true}'
        calls = {
            "backup_export_file": f"backup_export_file('{key}', '{victim}', '{replace}')",
            "backup_compose_file": f"backup_compose_file('[\"{bundle}\"]', '{key}', '{victim}', '{replace}')",
            "backup_restore": f"backup_restore(x'{content}', '{key}', '{replace}')",
            "backup_save": f"backup_save('{key}', 'dir:{copy}', '{with_local}')",
            "backup_protect": f"backup_protect('{key}', 'dir:{guard}', '{{\"schema\": \"guarded\", \"local\": \"{guard}-local\"}}')",
            "backup_unprotect": "backup_unprotect()",
            "backup_scrub": f"backup_scrub('[\"dir:{series}\", \"dir:{healed}\"]', '{key}', '{{\"repair\": true, \"add\": true}}')",
            "backup_prune": f"backup_prune('[\"dir:{series}\", \"dir:{dropped}\"]', '{key}', '{{\"copy\": \"dir:{dropped}\", \"minimum\": 1, \"dry_run\": false}}')",
            "backup_restore_all": f"backup_restore_all('dir:{series}', '{key}', '{everything}')",
            "backup_restore_file": f"backup_restore_file(x'{content}', '{key}', '{victim}', '{replace}')",
        }
        self.works = [name for name in calls if self.does_work(calls[name], victim)]
        for made in (copy, local, healed, everything):
            shutil.rmtree(made)
        # Its first save may have come as far as that.
        shutil.rmtree(guard, ignore_errors=True)
        shutil.rmtree(f"{guard}-local")
        shutil.rmtree(dropped, ignore_errors=True)
        shutil.copytree(series, dropped)
        with open(victim, "wb") as file:
            file.write(b"old")
        self.before = look(self.watched, self.copy)
        return calls

    def does_work(self, call, victim):
        with open(victim, "wb") as file:
            file.write(b"old")
        self.before = look(self.watched, self.copy)
        with Connection(self.libraries) as connection:
            self.attach(connection, call)
            ((said,),) = connection.rows(f";/* WITH */SELECT {call}")
            # What it ends is no file.
            return self.has_changed() or connection.is_replaced() or "ended" in str(said)

    def attach(self, connection, call):
        """What is protected must be a file."""
        if "backup_protect(" in call:
            connection.rows("ATTACH ? AS guarded", (self.guarded,))

    def has_changed(self):
        return look(self.watched, self.copy) != self.before

    def forge(self, place, name, call):
        """A database with the call in that place. NAME becomes the name."""
        text = call.replace("'", "''")
        with Connection(self.libraries) as connection:
            for sql in parts(place.script):
                connection.rows(sql)
            connection.rows("PRAGMA writable_schema = ON")
            for sql in place.forge:
                connection.rows(sql)
            quoted = NAME.replace("'", "''")
            connection.rows(
                f"UPDATE sqlite_schema SET sql = replace(replace(sql, '{HERE}', '{text}'), '{quoted}', '''{name}''')"
            )
            held = "SELECT 1 FROM sqlite_schema WHERE instr(sql, ?) OR instr(sql, ?)"
            if not any(HERE in sql for sql in place.session) and not connection.rows(held, (call, f"'{name}'")):
                raise ValueError(f"{place.name}: no call of {name} came into the schema")
            return connection.image()

    def attempt(self, place, image, call, statement, trusts):
        """Runs a statement: whether control() was called, and the error or None."""
        self.tried += 1
        said = None
        with Connection(self.libraries, image, trusts) as connection:
            try:
                self.attach(connection, call)
            except ERRORS:
                # SQLite does not read this schema, and the statements show what it says.
                pass
            try:
                for sql in place.session:
                    connection.rows(sql.replace(HERE, call))
                for sql in (statement,) if isinstance(statement, str) else statement:
                    connection.rows(sql.replace("{file}", self.file).replace("{into}", self.into))
            except ERRORS as error:
                said = str(error)
            is_replaced = "backup_restore(" in call and connection.is_replaced()
        if os.path.exists(self.into):
            os.remove(self.into)
        was_called = os.path.exists(self.control)
        if was_called:
            os.remove(self.control)
        if is_replaced or self.has_changed():
            self.wrong.append(f"{place.name}: {statement!r}: {call[:60]}… has done it")
            self.before = look(self.watched, self.copy)
        return was_called, said

    def write_file(self, image):
        with open(self.file, "wb") as file:
            file.write(image)

    def meet(self, place, name, statements, trusts):
        """Has a function that writes meet statements in a place: those that called control()."""
        call = f"coalesce({self.beside}, {self.calls[name]})"
        image = self.forge(place, name, call)
        self.write_file(image)
        called = []
        for statement in statements:
            was_called, said = self.attempt(place, image, call, statement, trusts)
            if was_called:
                called.append(statement)
                # Table-valued pragmas keep the words to themselves.
                if said and (f"{name}: misuse: " in said or said.endswith("SQL logic error")):
                    self.refused += 1
                else:
                    self.wrong.append(f"{place.name}: {statement!r}: {name} has not refused, but: {said}")
        return called

    def meet_control(self, place, name, statements, call):
        """The same for a control function alone."""
        image = self.forge(place, name, call)
        self.write_file(image)
        return [statement for statement in statements if self.attempt(place, image, call, statement, True)[0]]

    def run(self, is_all):
        control, pure = {}, {}
        for number, place in enumerate(PLACES):
            names = list(self.calls)
            turns = {name: STATEMENTS if is_all else STATEMENTS[turn :: len(names)] for turn, name in enumerate(names)}
            called = []
            for name in names:
                called += [statement for statement in self.meet(place, name, turns[name], True) if statement not in called]
            for name in names:
                self.meet(place, name, [statement for statement in called if statement not in turns[name]], True)
                self.meet(place, name, STATEMENTS if is_all else called, False)
            if NAME in place.script:
                # A name stands here, and no arguments.
                called = self.meet_control(place, "control", STATEMENTS, HERE)
            if called:
                control[place.name] = called
            some = STATEMENTS if is_all else STATEMENTS[number % PURE_EVERY :: PURE_EVERY]
            called = self.meet_control(place, "control_pure", some, "control_pure()")
            if called:
                pure[place.name] = called
        return control, pure


def main(extension, control, directory, *more):
    attack = Attack((extension, control), directory)
    called, pure = attack.run(more == ("all",))
    answer = {
        "sqlite": apsw.sqlitelibversion() if apsw else sqlite3.sqlite_version,
        "tried": attack.tried,
        "works": attack.works,
        "control": called,
        "pure": pure,
        "refused": attack.refused,
        "wrong": attack.wrong,
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
