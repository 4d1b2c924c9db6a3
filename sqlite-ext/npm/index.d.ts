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

/** What a caller would do differently. An interface: these words stay. `manual/errors.md` says what each means. */
export type Kind =
  | 'misuse'
  | 'wrong key'
  | 'corrupt'
  | 'truncated'
  | 'unsupported'
  | 'too big'
  | 'mismatch'
  | 'busy'
  | 'interrupted'
  | 'host';

/**
 * What an error says that one of Lifeboat's SQL functions made a driver throw: which `function`, the `kind`, and its `text`: what is
 * wrong, where, and what to do. `undefined`: it is another error.
 *
 * `if (errorOf(error)?.kind === 'busy') again();`
 */
export function errorOf(error: unknown): { function: string; kind: Kind; text: string } | undefined;
