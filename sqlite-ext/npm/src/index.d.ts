// The types of the functions. The pages of the manual say more about each field; they are in `manual/` of this package, where the
// names are those of SQL: `state_id` is `stateId` here.

/** A connection of better-sqlite3, or of a driver with its interface. */
export interface BetterDatabase {
  prepare(sql: string): unknown;
  loadExtension(path: string): unknown;
}

/** An open connection: a `Database` of better-sqlite3, a `DatabaseSync` of node:sqlite, or what has their interface. */
export type Connection = BetterDatabase;

/** The path of a database. */
export type Path = string | URL;

/** The text of a key, `file:PATH`, `env:NAME`, the URL of a file that holds it, or an array of places, of which the first that can
 * be read counts. */
export type Key = string | URL | readonly string[];

/** The name of a store (`dir:PATH`, `volume:LABEL`, `s3://BUCKET/PREFIX?…`), several names, which means copies, or `file:PATH`, the
 * configuration of a reserve. */
export type Stores = string | readonly string[];

/** A bundle: its bytes, or its path. A chain: an array of paths, oldest first. Or stores: their newest state, or the one that
 * `#seq=N`, `#state=HEX` or `#at=DATE` behind the name of a store chooses. */
export type Bundle = Uint8Array | ArrayBuffer | URL | string | readonly (string | URL)[];

/** What a caller does differently. An interface: these words stay. */
export type Kind =
  /** What was asked for cannot be done; nothing was changed. */
  | 'misuse'
  /** The key did not make this bundle. Find the right key: the bundle may be sound. */
  | 'wrong key'
  /** The bytes are not what the exporter wrote. Use another copy. */
  | 'corrupt'
  /** The bundle ends too early. Get it again. */
  | 'truncated'
  /** A newer format, or what this version, this SQLite or this platform does not have. */
  | 'unsupported'
  /** A limit of the format or of this process. */
  | 'too big'
  /** Sound, but not the expected state or signer; or bundles that are no chain; or there is something to decide. */
  | 'mismatch'
  /** Somebody else has the lock, or was quicker. Try again. */
  | 'busy'
  /** The application stopped it. */
  | 'interrupted'
  /** A store, or too many copies, could not be reached. Nothing is lost: try again later. */
  | 'unreachable'
  /** The file system or SQLite refused. */
  | 'host'
  /** A bug in Lifeboat; please report it. */
  | 'internal error';

/**
 * The error that all functions throw, or reject with. The exceptions are the reason of an aborted signal, and the `TypeError` of
 * `load`. No message holds a key or a stored value. An error of `sqlite-lifeboat/recovery` is `instanceof` this class, too.
 */
export declare class LifeboatError extends Error {
  constructor(kind: Kind, message: string, options?: { function?: string; cause?: unknown });
  readonly kind: Kind;
  /** The function that was called. */
  readonly function: string | undefined;
  /** What is wrong, where, and what to do: the message without the function and the kind. */
  readonly text: string;
}

/**
 * What an error says that one of Lifeboat's SQL functions made a driver throw, for those who call these by SQL: which SQL
 * `function`, the `kind`, and its `text`. `undefined`: it is another error.
 */
export function errorOf(error: unknown): { function: string; kind: Kind; text: string } | undefined;

/**
 * Makes Lifeboat's SQL functions known to a connection: `backup_save()` and the rest. The functions below do it by themselves.
 *
 * Throws a `LifeboatError` (`unsupported`) if there is no extension for this platform, what the driver throws if it does not allow
 * extensions, and a `TypeError` if `db` is no such database.
 */
export function load(db: { loadExtension(path: string): unknown }): void;

/** The path of the extension, for `db.loadExtension(path)` of any driver. Throws `unsupported` if there is none for this platform. */
export function getLoadablePath(): string;

/**
 * The path of the database that a connection has open: `await save(fileOf(db), key, stores)` saves it beside the event loop, with a
 * connection of its own, which sees what is committed.
 *
 * Throws `misuse` for a database in memory or a temporary one: no other connection can read it.
 */
export function fileOf(db: Connection, schema?: string): string;

// Options

/** Options of each call that gives a promise. */
export interface CallOptions {
  /** Ends the work, usually within some milliseconds, and nothing is changed: the promise rejects with the signal's reason. What was
   * done before the signal came is done, and the promise resolves. */
  signal?: AbortSignal;
  /** The driver that opens the database: `node:sqlite`, `better-sqlite3`, or the name of a module with its interface. Default: the one
   * that this process uses; else better-sqlite3 if it is installed; else node:sqlite. */
  driver?: string;
}

/** A row's table, and an SQL condition. */
export type Conditions = Record<string, string>;

/** What part of the database is meant, and how its bundle is made. */
export interface SnapshotOptions {
  /** The attached database. Default: `main`. */
  schema?: string;
  /** The name of the key's domain. Default: `default`. */
  domain?: string;
  compress?: 'zstd' | 'none' | Record<string, 'zstd' | 'none'>;
  /** Only these tables. */
  tables?: readonly string[];
  /** Not these tables. */
  exclude?: readonly string[];
  /** Only the rows of these tables for which an SQL condition is true. */
  where?: Conditions;
  /** These tables come back empty. */
  cache?: readonly string[];
  /** The value of `:now` in conditions. */
  now?: number | string;
  /** Also the rows to which the chosen rows refer by foreign keys. */
  closure?: boolean;
  /** Whether SQLite checks the database first. Default: if it has up to 4 MiB. */
  check?: boolean;
  /** How many threads may work on it, 1 to 3. */
  threads?: number;
}

export interface ExportBytesOptions extends SnapshotOptions {
  /** The chain to whose last state this is to be the delta, oldest first. */
  base?: string | readonly string[];
  /** The path of the file that remembers the last state. */
  ledger?: Path;
}

export interface ExportOptions extends ExportBytesOptions {
  /** Replace the file at the path. */
  replace?: boolean;
}

export interface Limit {
  value: number;
  window?: string | number;
}

/** What is told in the log of events, and to whom: `manual/events.md`. */
export interface EventSettings {
  normalEvery?: string | number;
  window?: string | number;
  limits?: {
    seriesBytes?: number | Limit;
    objects?: number | Limit;
    saves?: number | Limit;
    bundleBytes?: number | Limit;
    databaseBytes?: number | Limit;
    freeBytes?: number | Limit;
    memoryBytes?: number | Limit;
    load?: number | Limit;
    readSpeed?: number | Limit;
  };
  notify?: { webhook?: string; heartbeat?: string; heartbeatEvery?: string | number; ca?: string; allowHttp?: boolean };
}

/** Options of all saves, also of those that a protection makes. */
export interface SavingOptions extends SnapshotOptions {
  /** How many copies must hold the state. Default: what the configuration says, or more than half of them. */
  minimum?: number;
  /** The directory of the local state. Default: beside the database, its name with `-lifeboat` behind it. */
  local?: Path;
  /** For how many seconds a copy may stand still. Default: 30. */
  timeout?: number;
  /** Texts in the record, for holders of the key. */
  writer?: string;
  label?: string;
  events?: EventSettings;
}

export interface SaveOptions extends SavingOptions {
  /** Fill copies that are new, lost or rolled back. */
  add?: boolean;
  /** Go on from the record with this hash: after the error `mismatch` that shows it. */
  continue?: string;
  /** The date in the record. Default: now. */
  date?: Date | string | number;
  /** Save these files in place of a database; `domain` and `local` must be given. */
  files?: readonly string[] | Record<string, string>;
}

export interface ProtectOptions extends SavingOptions {
  /** Also protect a database that has no write-ahead log. */
  rollback?: boolean;
  /** Read all rows again after this many seconds. The saves between read only what can have changed. Default: six hours. */
  readAllEvery?: number;
}

export interface StatusOptions {
  schema?: string;
  local?: Path;
}

export interface StoresStatusOptions extends StatusOptions {
  /** The series. */
  domain?: string;
}

export interface LogOptions {
  /** At most so many saves, the newest first. */
  limit?: number;
  /** Only the save with this number. */
  number?: number;
}

export interface EventsOptions {
  /** Only later events than the one with this number. */
  after?: number;
  /** The directory in which they are kept. Default: the local state of the database. */
  local?: Path;
}

export interface ScrubOptions {
  level?: 'list' | 'hashes' | 'contents' | 'restore';
  domain?: string;
  /** Copy what is missing or damaged from a copy where it is sound. */
  repair?: boolean;
  /** With `repair`: fill stores, too, that hold nothing of a series. */
  add?: boolean;
  /** About how long the call may take. */
  seconds?: number;
  /** Where an earlier call stopped. */
  cursor?: string;
  /** A directory in which this place keeps its events, and what was read when. */
  local?: Path;
  events?: EventSettings;
}

/** Which saves are kept. */
export interface Keep {
  last?: number;
  daily?: number;
  weekly?: number;
  monthly?: number;
  yearly?: number;
}

export interface PruneOptions {
  /** Default: the `retention` of the configuration. */
  keep?: Keep;
  /** In place of `keep`: the store, or the name of the copy, that goes as a whole. */
  copy?: string;
  /** Default: `true`: report what would go, and delete nothing. */
  dryRun?: boolean;
  minimum?: number;
  /** Do what is refused otherwise. */
  force?: boolean;
  domain?: string;
  local?: Path;
}

export interface VerifyOptions {
  /** How much to check. Default: `contents` with a key that opens, else `hashes`. */
  level?: 'hashes' | 'contents' | 'restore';
  /** The state id that it must have. */
  expect?: string;
  /** Of stores: the series of this domain. */
  domain?: string;
  maxBytes?: number;
  trusted?: boolean;
}

export interface InfoOptions {
  /** Of damaged bundles: what comes back, and what is missing. */
  salvage?: boolean;
  domain?: string;
}

interface RestoringOptions {
  replace?: boolean;
  /** Leave out, and list, the indexes that this SQLite cannot build. */
  skipIndexes?: boolean;
  /** How many bytes the database may take. */
  maxBytes?: number;
  trusted?: boolean;
  /** Saves go on from here: this is the database that saves from now on. */
  resume?: boolean;
}

export interface RestoreOptions extends RestoringOptions {
  /** Replace the content of the database. */
  replace?: boolean;
  expect?: string;
  /** The attached database to restore into. */
  schema?: string;
  domain?: string;
  salvage?: boolean;
  /** Of stores: restore into an empty database, or begin if they hold nothing. */
  orNew?: boolean;
}

export interface RestoreFileOptions extends RestoringOptions {
  /** Replace the file at the path. */
  replace?: boolean;
  expect?: string;
  domain?: string;
  salvage?: boolean;
  /** A power of two from 512 to 65536. Default: 4096. */
  pageSize?: number;
  autoVacuum?: 'none' | 'full' | 'incremental';
}

export interface RestoreAllOptions extends RestoringOptions {}

export interface KeygenOptions {
  /** The path of the file to which the key goes. */
  out?: Path;
  driver?: string;
}

// Reports. Later versions may add fields.

/** How a copy stands after a save. */
export interface SavedCopy {
  /** Its name in a configuration. */
  copy?: string;
  store: string;
  state: 'done' | 'behind' | 'away' | 'new' | 'lost' | 'rolled_back';
  /** Its newest save. */
  number: number | null;
  /** If it does not hold the state. */
  why: string | null;
}

/** What is said of a part of a database, if it is one, and of what the schema needs. */
export interface Narrowed {
  selection?: { tables?: string[]; exclude?: string[]; where?: Conditions; cache?: string[] };
  closure?: unknown;
  dangling?: unknown;
  carriedEmpty?: unknown;
  leftOut?: unknown;
  needs?: Need[];
  /** `ok`, or what the check of the database found. */
  check?: string | string[];
}

/** What a schema needs of the application or of SQLite. */
export interface Need {
  object: string;
  collation?: string;
  function?: string;
  sqlite?: string;
}

export interface SaveSummary extends Narrowed {
  /** The number of the save in its series. */
  number: number;
  /** The hash of its record. */
  record: string;
  stateId: string;
  bytes: number;
  full: boolean;
  /** False: the newest save already held this state. */
  changed: boolean;
  minimum: number;
  /** How many copies hold it. */
  done: number;
  copies: SavedCopy[];
  domain: string;
  verifyKey: string;
  /** Where the local state lies. */
  local: string;
  notify?: Delivered;
  /** Why the log of events could not be written. */
  events?: string;
}

/** A save or call that failed. */
export interface Failure {
  at: string;
  kind: Kind;
  message: string;
}

/** What was sent to a receiver of events. */
export interface Delivered {
  sent: number;
  waiting: number;
  why?: string;
}

export interface Protection {
  state: 'watching' | 'pending' | 'saving' | 'retrying' | 'stopped';
  since: string;
  /** How many connections hold it. */
  holders: number;
  /** Whether there are commits that are not saved. */
  pending: boolean;
  saved: { at: string; number: number; done: number } | null;
  /** When a save read all rows last, and how many saves since then read only what can have changed. */
  readAll: string | null;
  quick: number;
  failed: Failure | null;
  /** What its thread sent to a receiver of events the last time. */
  notify: Delivered | null;
}

export interface ProtectReport {
  protection: Protection;
  domain: string;
  verifyKey: string;
  local: string;
}

export interface UnprotectReport {
  /** How many databases are no longer protected. */
  ended: number;
  /** How many this connection had protected, and others still do. */
  left: number;
}

/** How a copy stands, as it is read. */
export interface CopyState {
  copy?: string;
  store: string;
  state: 'current' | 'behind' | 'empty' | 'absent' | 'unreachable' | 'hostile' | 'withholds' | 'forked';
  number: number | null;
  date: string | null;
  why: string | null;
}

export interface Status {
  local: string;
  /** The last save that reached its minimum. */
  saved: {
    at: string;
    /** Seconds since then. */
    age: number;
    number: number;
    record: string;
    stateId: string;
    minimum: number;
    done: number;
    copies: (SavedCopy & { since: string | null })[];
  } | null;
  failed: Failure | null;
  /** Files of the local state that a save could not read. Missing: there is none. */
  damaged?: { kind: string; message: string }[];
  protection: Protection | null;
}

export interface StoresStatus extends Status {
  /** What the stores hold now. */
  stores: {
    number: number | null;
    record: string | null;
    date: string | null;
    age: number | null;
    /** How many copies hold the newest save. */
    current: number;
    copies: CopyState[];
  };
}

/** A save in stores. */
export interface Save {
  number: number;
  record: string;
  stateId: string;
  type: 'full' | 'delta' | 'mark';
  bytes: number | null;
  sha256: string | null;
  uuid: string | null;
  /** The stores that list it. */
  copies: string[];
  /** With a key that reads. */
  date: string | null;
  writer: string | null;
  label: string | null;
}

/** Something that happened: `manual/events.md` has the kinds. */
export interface LifeboatEvent {
  number: number;
  date: string;
  level: 'normal' | 'warning' | 'failure';
  kind: string;
  /** Which log this is: if the local state is deleted, a new one begins. */
  log: string;
  about: Record<string, unknown>;
}

/** How many, and the first 20 of them. */
export interface Counted<T> {
  count: number;
  repaired?: number;
  first?: T[];
}

export interface ScrubbedCopy extends Omit<CopyState, 'state'> {
  state: string;
  /** It holds the newest save, lacks nothing, and nothing in it is known to be damaged. */
  complete: boolean;
  restores: boolean;
  behind: number;
  records: number;
  bundles: number;
  bytes: number;
  since?: string;
  free: number | null;
  read: number;
  missing: Counted<Record<string, unknown>>;
  damaged: Counted<Record<string, unknown>>;
  orphans: Counted<unknown> & { bytes?: number };
  junk: Counted<unknown>;
  copied?: { objects: number; bytes: number };
}

export interface ScrubReport {
  /** All copies of all series are complete, nothing is lost, no log forks, all stores answered, and the check is finished. */
  sound: boolean;
  level: string;
  finished: boolean;
  cursor: string | null;
  series: {
    domainId: string;
    number: number | null;
    record: string | null;
    date: string | null;
    floor: number;
    checked: boolean;
    copies: ScrubbedCopy[];
    forks?: { number: number; record: string; copies: string[]; proven: boolean }[];
    lost: Counted<Record<string, unknown>>;
  }[];
  /** How many series of other keys the stores hold. */
  foreign: number | null;
  unreachable?: { copy?: string; store: string; why: string }[];
}

export interface Pruned {
  records: number;
  bundles: number;
  others: number;
  bytes: number;
}

export interface PruneReport {
  domainId: string;
  number: number;
  dryRun: boolean;
  /** All that was to go is gone, in all copies. */
  done: boolean;
  /** From this number on each save exists. */
  floor: number;
  sound: number;
  minimum: number;
  /** The reasons for which `force` is needed, or was. */
  refused: string[];
  copies: {
    copy?: string;
    store: string;
    kept: number;
    needed: number;
    removed: Pruned;
    retained: Pruned;
    orphans: number;
    putBack: number;
    read: number;
    why: string | null;
  }[];
}

/** Which save of a series was read, and how the copies stand. */
export interface Series {
  number: number;
  record: string;
  date: string | null;
  copies: CopyState[];
}

/** What this SQLite computed anew. */
export interface Rebuilt {
  expressionIndexes: string[];
  partialIndexes: string[];
  storedColumns: string[];
}

export interface VerifyReport {
  level: 'hashes' | 'contents' | 'restore';
  /** `authentic`: the key that was given made it. `consistent`: it is whole, and `verifyKey` signed it, whoever that is. */
  verdict: 'authentic' | 'consistent';
  full: boolean;
  baseId?: string;
  /** Of a chain: how many. */
  bundles?: number;
  stateId: string;
  domainId: string;
  verifyKey: string;
  bytes: number;
  chunks: number;
  domain?: string;
  /** Whether the domain has this name; null: only the recovery key can tell. */
  domainProven?: boolean | null;
  tables?: number;
  rows?: number;
  changes?: number;
  needs?: Need[];
  unsupported?: string;
  integrityCheck?: string | string[];
  foreignKeyCheck?: string | string[];
  rebuilt?: Rebuilt;
  series?: Series;
}

export interface InfoReport {
  full?: boolean;
  baseId?: string;
  stateId?: string;
  domainId?: string;
  verifyKey?: string;
  bytes?: number;
  chunks?: number;
  sha256?: string;
  domain?: string | null;
  domainProven?: boolean | null;
  encoding?: string | null;
  applicationId?: number | null;
  userVersion?: number | null;
  selection?: Narrowed['selection'];
  /** The numbers of rows; of deltas, what they remove and write. */
  tables?: Record<string, number | { removed: number; written: number }>;
  rows?: number;
  schema?: { tables: number; indexes: number; views: number; triggers: number };
  changes?: number;
  bundles?: Record<string, unknown>[];
  needs?: Need[];
  unsupported?: string;
  series?: Series;
  /** With `salvage`: `manual/salvage.md` has these. */
  salvaged?: true;
  damaged?: Record<string, unknown>[];
  missing?: Record<string, unknown>[];
}

export interface RestoreReport {
  /** Null if indexes were left out, or of what was salvaged. */
  stateId: string | null;
  domain: string | null;
  tables: number;
  rows: number;
  quickCheck: string | string[];
  foreignKeyCheck: string | string[];
  rebuilt: Rebuilt;
  needs?: Need[];
  leftOut?: string[];
  series?: Series;
  /** With `salvage`: `manual/salvage.md` has these. */
  damaged?: Record<string, unknown>[];
  missing?: Record<string, unknown>[];
}

/** With `orNew`. `kept`: the database was not empty. `new`: the stores hold nothing of this key. */
export type RestoreOrNewReport =
  | (RestoreReport & { outcome: 'restored' })
  | { outcome: 'kept' | 'new'; [field: string]: unknown };

export interface RestoreFileReport extends RestoreReport {
  path: string;
  /** True if the database of the connection is encrypted, which the new one is not. */
  plain?: boolean;
}

export interface RestoreAllReport {
  restored: number;
  /** Look at it: the call is an error only if nothing was restored. */
  failed: number;
  domains: ({
    domain: string | null;
    domainId: string;
    path?: string;
    stateId?: string | null;
    number?: number;
    record?: string;
    date?: string | null;
    copies?: CopyState[];
    /** Of files: how many. */
    files?: number;
    error?: { kind: Kind; message: string };
  } & Partial<RestoreReport>)[];
  unreachable?: { copy?: string; store: string; why: string }[];
  plain?: boolean;
}

export interface ExportSummary extends Narrowed {
  bytes: number;
  stateId: string;
  domain: string;
  verifyKey: string;
  chunks: number;
  items: number;
  rows: number;
  /** The state from which a delta leads on; null for a full bundle. */
  baseId: string | null;
  full: boolean;
  changes: number;
  /** Whether there is a new bundle: if not, the state is that of the file or base. */
  changed: boolean;
}

export interface Version {
  version: string;
  format: { state: number; suite: number };
  sqlite: string;
  build: string;
}

// Functions. With an open connection first, each is done on it when it returns. Otherwise it gives a promise, and is done in a thread
// with a connection of its own.

/**
 * Saves the live state to all copies in stores. When it is done, at least `minimum` of them hold it, synced, and each of them alone
 * restores it. Otherwise it is an error, nothing is lost, and the same call goes on where this one stopped: `manual/stores.md`.
 */
export function save(db: Connection, key: Key, stores: Stores, options?: SaveOptions): SaveSummary;
export function save(path: Path, key: Key, stores: Stores, options?: SaveOptions & CallOptions): Promise<SaveSummary>;

/**
 * Restores the newest state of stores, or that of a bundle or a chain, into the database, which must be empty unless `replace` says
 * otherwise. A path of a database that does not exist makes it. A failure leaves the database as it was: `manual/restore.md`.
 */
export function restore(db: Connection, from: Bundle, key: Key, options: RestoreOptions & { orNew: true }): RestoreOrNewReport;
export function restore(db: Connection, from: Bundle, key: Key, options?: RestoreOptions & { orNew?: false }): RestoreReport;
export function restore(
  path: Path,
  from: Bundle,
  key: Key,
  options: RestoreOptions & CallOptions & { orNew: true },
): Promise<RestoreOrNewReport>;
export function restore(
  path: Path,
  from: Bundle,
  key: Key,
  options?: RestoreOptions & CallOptions & { orNew?: false },
): Promise<RestoreReport>;

/** Restores into a new file, which appears complete or not at all: `manual/restore.md`. */
export function restoreFile(from: Bundle, key: Key, path: Path, options?: RestoreFileOptions & CallOptions): Promise<RestoreFileReport>;
export function restoreFile(db: Connection, from: Bundle, key: Key, path: Path, options?: RestoreFileOptions): RestoreFileReport;

/** Restores all databases and files of a key out of stores into a directory: `manual/stores.md`. */
export function restoreAll(stores: Stores, key: Key, directory: Path, options?: RestoreAllOptions & CallOptions): Promise<RestoreAllReport>;
export function restoreAll(db: Connection, stores: Stores, key: Key, directory: Path, options?: RestoreAllOptions): RestoreAllReport;

/**
 * Saves by itself from now on, after commits of any process, on a thread of its own, as long as this connection is open or until
 * `unprotect`. To close saves nothing: `save` alone says that something is safe. See `manual/protect.md`.
 */
export function protect(db: Connection, key: Key, stores: Stores, options?: ProtectOptions): ProtectReport;

/** Ends what this connection asked for with `protect`, and saves nothing. */
export function unprotect(db: Connection): UnprotectReport;

/** Tells how the saves of a database stand; with stores, also what these hold now: `manual/stores.md`. */
export function status(db: Connection, options?: StatusOptions): Status;
export function status(db: Connection, stores: Stores, key: Key, options?: StoresStatusOptions): StoresStatus;
export function status(path: Path, options?: StatusOptions & CallOptions): Promise<Status>;
export function status(path: Path, stores: Stores, key: Key, options?: StoresStatusOptions & CallOptions): Promise<StoresStatus>;

/** The saves in stores, the newest first. Without a key: those of the only series there. */
export function log(stores: Stores, key?: Key | null, options?: LogOptions & CallOptions): Promise<Save[]>;
export function log(stores: Stores, options: LogOptions & CallOptions): Promise<Save[]>;
export function log(db: Connection, stores: Stores, key?: Key | null, options?: LogOptions): Save[];
export function log(db: Connection, stores: Stores, options: LogOptions): Save[];

/** What happened to the saves of a database, the oldest first: `manual/events.md`. */
export function events(db: Connection, options?: EventsOptions): LifeboatEvent[];
export function events(path: Path, options?: EventsOptions & CallOptions): Promise<LifeboatEvent[]>;

/** Checks all copies in stores, and heals them from one another: `manual/scrub.md`. What is wrong in a copy is in the report, and no
 * error: look at `sound`. The verify key is enough. */
export function scrub(stores: Stores, key: Key, options?: ScrubOptions & CallOptions): Promise<ScrubReport>;
export function scrub(db: Connection, stores: Stores, key: Key, options?: ScrubOptions): ScrubReport;

/** Deletes old saves from all copies in stores. By default (`dryRun`) it only tells what would go: `manual/prune.md`. */
export function prune(stores: Stores, key: Key, options?: PruneOptions & CallOptions): Promise<PruneReport>;
export function prune(db: Connection, stores: Stores, key: Key, options?: PruneOptions): PruneReport;

/** Checks a bundle, a chain or what stores hold. What is wrong is an error: `manual/verify.md`. */
export function verify(bundle: Bundle, key?: Key | null, options?: VerifyOptions & CallOptions): Promise<VerifyReport>;
export function verify(bundle: Bundle, options: VerifyOptions & CallOptions): Promise<VerifyReport>;
export function verify(db: Connection, bundle: Bundle, key?: Key | null, options?: VerifyOptions): VerifyReport;
export function verify(db: Connection, bundle: Bundle, options: VerifyOptions): VerifyReport;

/** Tells what a bundle, a chain or stores hold, without restoring it: `manual/verify.md`. */
export function info(bundle: Bundle, key?: Key | null, options?: InfoOptions & CallOptions): Promise<InfoReport>;
export function info(bundle: Bundle, options: InfoOptions & CallOptions): Promise<InfoReport>;
export function info(db: Connection, bundle: Bundle, key?: Key | null, options?: InfoOptions): InfoReport;
export function info(db: Connection, bundle: Bundle, options: InfoOptions): InfoReport;

/** Writes the live state into a bundle: one sealed file, which appears complete or not at all: `manual/export.md`. */
export function exportBundle(db: Connection, key: Key, path: Path, options?: ExportOptions): ExportSummary & { path: string };
export function exportBundle(
  database: Path,
  key: Key,
  path: Path,
  options?: ExportOptions & CallOptions,
): Promise<ExportSummary & { path: string }>;

/** The same bundle as bytes, up to 1,000,000,000 of them. */
export function exportBytes(db: Connection, key: Key, options?: ExportBytesOptions): Uint8Array;
export function exportBytes(path: Path, key: Key, options?: ExportBytesOptions & CallOptions): Promise<Uint8Array>;

/** Tells what `exportBundle` would write, to the byte. */
export function estimate(db: Connection, key: Key, options?: ExportBytesOptions): ExportSummary;
export function estimate(path: Path, key: Key, options?: ExportBytesOptions & CallOptions): Promise<ExportSummary>;

// Keys are made at once, in memory.

/**
 * A new recovery key, as text; or with `out` in a new file for its owner alone, and `file:PATH`, which stands for the key. It is the
 * one secret: keep it in two places, off this machine. A file that exists is not written over (`misuse`).
 */
export function keygen(options?: KeygenOptions): string;
/** The recovery key of a secret of at least 16 random bytes, which its owner keeps already: always the same one. */
export function keygen(options: KeygenOptions & { secret: Uint8Array | string; label: string }): string;

/** The key with which an application backs up one domain. */
export function writeKey(key: Key, domain?: string): string;

/** The key that opens one domain, and makes nothing. */
export function readKey(key: Key, domain?: string): string;

/** The key with which anybody can check bundles, and open none. It is public. */
export function verifyKey(key: Key, domain?: string): string;

/** The versions that are in use. */
export function version(): Version;
