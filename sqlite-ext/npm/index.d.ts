/** What of a database connection is used: those of better-sqlite3 and of node:sqlite have it, and others. */
export interface Database {
  loadExtension(path: string): unknown;
}

/**
 * Makes Lifeboat's SQL functions known to an open database: `backup_export()`, `backup_verify()`, `backup_restore()` and the rest.
 *
 * Throws what the driver throws where it does not allow extensions, and a `TypeError` where `db` is no such database.
 */
export function load(db: Database): void;

/**
 * The path of the extension, for `db.loadExtension(path)` of any driver or `SELECT load_extension(path)`.
 *
 * Throws where this copy of the package is for another system or processor.
 */
export function getLoadablePath(): string;
