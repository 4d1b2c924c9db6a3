// load EXTENSION SQL...: loads the extension into a SQLite of its own, as an application does, and prints the first value of each
// statement. A file for another system or processor shows here whether it can be loaded at all.

#include <sqlite3.h>
#include <stdio.h>

static int failed(const char *what, const char *why) {
  fprintf(stderr, "%s: %s\n", what, why);
  return 1;
}

int main(int count, char **given) {
  sqlite3 *db;
  char *why = NULL;
  if (count < 2 || sqlite3_open(":memory:", &db) != SQLITE_OK) return failed("load", "no database");
  sqlite3_enable_load_extension(db, 1);
  // The name of the entry point comes from the name of the file.
  if (sqlite3_load_extension(db, given[1], NULL, &why) != SQLITE_OK) return failed(given[1], why ? why : "not loaded");
  for (int at = 2; at < count; at++) {
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(db, given[at], -1, &statement, NULL) != SQLITE_OK) return failed(given[at], sqlite3_errmsg(db));
    int result = sqlite3_step(statement);
    if (result == SQLITE_ROW) printf("%s\n", (const char *)sqlite3_column_text(statement, 0));
    if (result != SQLITE_ROW && result != SQLITE_DONE) return failed(given[at], sqlite3_errmsg(db));
    sqlite3_finalize(statement);
  }
  return sqlite3_close(db) == SQLITE_OK ? 0 : failed("load", "the database is busy");
}
