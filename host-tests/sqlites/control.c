/* Functions without a guard, to be called beside those of Lifeboat: where SQLite lets a schema call
 * these, it would let it call those, too.
 *
 *   control(…)             direct-only, as all functions of Lifeboat are; makes the empty file $CONTROL_FILE
 *   control_pure(…)        the same, and deterministic, as those without effect are
 *   control_config(n, on)  sets an option of sqlite3_db_config
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include "sqlite3ext.h"
SQLITE_EXTENSION_INIT1

static void control(sqlite3_context *context, int count, sqlite3_value **values) {
    const char *path = getenv("CONTROL_FILE");
    int file = path ? open(path, O_WRONLY | O_CREAT, 0600) : -1;
    if (file >= 0) close(file);
    sqlite3_result_null(context);
}

static void config(sqlite3_context *context, int count, sqlite3_value **values) {
    int state = -1;
    sqlite3 *db = sqlite3_context_db_handle(context);
    sqlite3_db_config(db, sqlite3_value_int(values[0]), sqlite3_value_int(values[1]), &state);
    sqlite3_result_int(context, state);
}

int sqlite3_control_init(sqlite3 *db, char **message, const sqlite3_api_routines *api) {
    SQLITE_EXTENSION_INIT2(api);
    int direct = SQLITE_UTF8 | SQLITE_DIRECTONLY, pure = direct | SQLITE_DETERMINISTIC;
    int code = sqlite3_create_function_v2(db, "control", -1, direct, 0, control, 0, 0, 0);
    if (code == SQLITE_OK) code = sqlite3_create_function_v2(db, "control_pure", -1, pure, 0, control, 0, 0, 0);
    if (code == SQLITE_OK) code = sqlite3_create_function_v2(db, "control_config", 2, direct, 0, config, 0, 0, 0);
    return code;
}
