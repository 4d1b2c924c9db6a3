// The types of all entries.

/** A bundle. In Node, `string` and `URL` are paths. A source that can be read only once is read once. */
export type Source<Path = never> =
  Uint8Array | ArrayBuffer | Blob | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array> | Path;

/** A full bundle, or a chain, oldest first: a full bundle and the deltas that lead on from it. */
export type Chain<Path = never> = Source<Path> | readonly Source<Path>[];

/** What a caller should do differently. These words are a part of the interface, and do not change. */
export type Kind =
  /** The key did not make this bundle. Find the right key: the bundle may be sound. */
  | 'wrong key'
  /** The bytes are not what the exporter wrote. Use another copy. */
  | 'corrupt'
  /** The bundle ends too early. Fetch it again. */
  | 'truncated'
  /** It has a revision or a feature that this version does not know. Update the package. */
  | 'unsupported'
  /** A limit of the format, or the memory that is available here, would be exceeded. */
  | 'too big'
  /** An argument that is not possible, or a file that would be overwritten. Nothing was done. */
  | 'misuse'
  /** It is sound, but not what was expected: another state id or verify key, or bundles that are not a chain. */
  | 'mismatch'
  /** The environment refused: a file cannot be read or written, or there is too little memory for the component. */
  | 'host'
  /** Somebody else was faster: the file was made meanwhile. Try again. */
  | 'busy';

/**
 * The error that every function here throws. There are two exceptions: the reason of an aborted signal, and errors of a
 * given stream, iterable or function. No message holds a key or a stored value.
 */
export declare class LifeboatError extends Error {
  constructor(kind: Kind, message: string, options?: { cause?: unknown; bundle?: number; position?: Position });
  readonly kind: Kind;
  /** The number of the bundle in its chain, if the error is about a known bundle: the full bundle is 1. */
  readonly bundle: number | undefined;
  /** The item of the bundle, if the error is about an item. */
  readonly position: Position | undefined;
  /** What was seen in the copies, if the error is about them. If the copies hold several series of the key, `series` has
   * them. */
  remarks: Remarks | undefined;
  /** The message without its kind. */
  get text(): string;
  /** @internal */
  at(where: string | undefined, bundle?: number): LifeboatError;
}

/** A place in a bundle. */
export interface Position {
  /** The number of the item: 0 is the header, 1 the first chunk. */
  item: number;
  /** The offset of its first byte. */
  offset: number;
}

/** How far the work has come. It is called often, so do little in it. */
export interface Progress {
  /** `checking` what is in copies, in bytes; `reading` the bundles, in bytes; `building`, one long call, told before it;
   * `writing` the database, in bytes. */
  phase: 'checking' | 'reading' | 'building' | 'writing';
  done: number;
  /** How many there will be. This is not known for streams, for copies and for building. */
  total: number | undefined;
}

export interface Options {
  /** The state id (64 hexadecimal digits) that the bundle, or the last one of the chain, must lead to; else `mismatch`. */
  expect?: string;
  progress?: (progress: Progress) => void;
  /** Ends the work: it rejects with the signal's reason. */
  signal?: AbortSignal;
}

export interface VerifyOptions extends Options {
  /** The recovery key (`lifeboatkey1…`), or the write key or read key of the domain; in Node also `file:PATH` or `env:NAME`:
   * the bundle is opened and decoded, and its state id proved. */
  key?: string;
  /** The verify key (`lifeboatverify1…`) of the expected signer. If the signer is another, the error is `mismatch`. */
  verifyKey?: string;
}

export interface RecoverOptions extends Options {
  /** `PRAGMA page_size` of the recovered file: a power of two from 512 to 65536; 4096 if not given. */
  pageSize?: number;
  /** Leave out, and list, the indexes that the SQLite inside cannot build: they use a collation of the application, or
   * a function that this SQLite lacks. */
  skipIndexes?: boolean;
}

/** What a bundle says about itself in public, checked against all of its bytes. */
export interface Report {
  /** The state that the bundle leads to: 64 hexadecimal digits. Equal states have equal ids under one key. */
  stateId: string;
  /** The state that it leads on from; null for a full bundle. */
  baseId: string | null;
  /** The domain of the recovery key that made it: 32 hexadecimal digits, a lasting pseudonym. */
  domainId: string;
  /** The signer: `lifeboatverify1…`. */
  verifyKey: string;
  /** True when the signer was compared with an expected verify key, or with that of the key that opened it. */
  authentic: boolean;
  /** Size of the whole bundle in bytes. */
  size: number;
  /** How many chunks of changes it has. */
  chunks: number;
  /** Number of the rules by which states are named and ordered. */
  stateRevision: number;
  /** Number of the rules by which bundles are compressed and sealed. */
  suite: number;
}

/** What can be said about a bundle or a chain without a key that opens it. */
export interface Verified {
  /** The report on the last bundle, the one that leads to the state. */
  report: Report;
  /** The report on each bundle, oldest first. */
  bundles: Report[];
}

/** Encoding of text, as in `PRAGMA encoding`. */
export type Encoding = 'UTF-8' | 'UTF-16le' | 'UTF-16be';

/** What is inside a bundle or a chain, opened with a key and proved against its state id. */
export interface Summary extends Verified {
  /** Name of the domain, as the one who exported it gave it: a label. */
  domain: string;
  /** Whether the domain has this name; null: only the holder of the recovery key can tell. */
  domainProven: boolean | null;
  /** `PRAGMA application_id` */
  applicationId: number;
  /** `PRAGMA user_version` */
  userVersion: number;
  encoding: Encoding;
  /** The schema without automatic indexes, as stored in `sqlite_schema`. */
  schema: { kind: 'table' | 'index' | 'view' | 'trigger'; name: string; table: string; sql: string }[];
  /** The tables that have rows. */
  tables: { name: string; rows: number }[];
  /** Which part of a database the state is, as the exporter chose it; null for a whole database. */
  selection: Selection | null;
}

/** Which part of a database a state is. The recovered database has only that part. */
export interface Selection {
  /** Only these tables; null: all. */
  tables: string[] | null;
  /** All tables except these. */
  exclude: string[];
  /** Which rows of some tables: an SQL expression that is true for them. */
  conditions: { table: string; sql: string }[];
  /** These tables come back without rows. */
  cache: string[];
}

/** What was recovered. */
export interface Recovered extends Built {
  summary: Summary;
}

/** A database file. The listed indexes and columns were computed anew, by `sqliteVersion`. */
export interface Built {
  /** Size of the database file in bytes. */
  size: number;
  /** The indexes on expressions, and on virtual columns. */
  expressionIndexes: string[];
  /** The indexes with a WHERE clause. */
  partialIndexes: string[];
  /** The stored generated columns, as `table.column`. */
  storedColumns: string[];
  /** The indexes that `skipIndexes` left out. All rows are proved, but the file has another schema than the state. */
  leftOut: string[];
  sqliteVersion: string;
  /** What to do before the database is used, in words; null if there is nothing to do. */
  advice: string | null;
}

/** With these options, damaged bundles give what they can still prove. */
export type Salvaging<O> = Omit<O, 'expect'> & { salvage: true };

/** What damaged bundles can still prove, and what is missing. Nobody exported this as a state, so it has no id. */
export interface Salvaged {
  salvaged: true;
  /** Null if the index of the last bundle is damaged. */
  domain: string | null;
  /** Null if the settings are missing; so are the next two. */
  applicationId: number | null;
  userVersion: number | null;
  encoding: Encoding | null;
  /** Null if it is missing. */
  schema: Summary['schema'] | null;
  /** The tables that have rows that come back. */
  tables: Summary['tables'];
  /** Null for a whole database, or if it is missing. */
  selection: Selection | null;
  /** The damaged bundles, by their numbers in the chain, from 1: which parts are damaged, and how many chunks. */
  damaged: { bundle: number; header: boolean; chunks: number; index: boolean; footer: boolean }[];
  /** What is missing: the first 10,000 ranges. Empty: everything came back. */
  missing: Missing[];
  /** How many more there are. */
  missingMore: number;
}

/**
 * A missing range, and where it was: `items` damaged items of a bundle, beginning with `item`, which begins at
 * `offset`. The range may be rows of one table, with keys from `from` to `to`; or a part of the state that is not a
 * table; or everything between `after` and `before`. Null means the beginning or the end of the table or the state.
 */
export type Missing = { bundle: number; item: number; items: number; offset: number; why: string } & (
  | { table: string; from: RangeKey | null; to: RangeKey | null }
  | { part: StatePart }
  | { after: RangeEnd | null; before: RangeEnd | null }
);

export type StatePart = 'settings' | 'schema' | 'selection';

export type RangeEnd = { part: StatePart } | { table: string; key: RangeKey | null };

/** A rowid, or values of a primary key. It may be cut to its first values, and a text or blob to its first 32 bytes. */
export type RangeKey = bigint | Value[];

/** A database built from what came back. */
export interface SalvagedDatabase extends Built {
  summary: Salvaged;
  /** What `PRAGMA foreign_key_check` finds: a row may refer to a row that is missing. */
  foreignKeyCheck: string[];
}

/** Text that is ill-formed in its encoding. No string could hold it exactly. */
export declare class IllFormedText {
  constructor(encoding: Encoding, bytes: Uint8Array);
  readonly encoding: Encoding;
  /** The text as it is stored. */
  readonly bytes: Uint8Array;
  /** A text to show: U+FFFD replaces what is ill-formed. */
  toString(): string;
}

/** NULL, an integer, a real, a text, a blob. */
export type Value = null | bigint | number | string | Uint8Array | IllFormedText;

export interface Row {
  /** Null in a WITHOUT ROWID table. */
  rowid: bigint | null;
  /** The values of the batch's columns, in that order. */
  values: Value[];
}

/** Some rows of one table. */
export interface Batch {
  table: string;
  /** The columns that hold stored values, in the order of the table: all except the generated columns. */
  columns: string[];
  /** In the order of their keys. */
  rows: Row[];
}

/** A file of a copy, with its path: that of the copy, then `<domain id>/log/…` or `<domain id>/bundles/…`. A `File` of an
 * input with `webkitdirectory` has its path. */
export type CopyFile = Blob | readonly [path: string, file: Blob];

/** Copies of a series: in Node the path of a directory, or several. Anywhere: all files of one or several copies. */
export type Copies<Path = never> = Path | readonly Path[] | readonly CopyFile[];

export interface SavesOptions {
  /** Which series is meant, if the copies hold several of the key: the name of its domain, or its id. */
  domain?: string;
  progress?: (progress: Progress) => void;
  /** Ends the work: it rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** Which state is meant: the newest one, or one of these. Give at most one. */
export interface FindOptions extends SavesOptions {
  /** The one of the save with this number, and no other. */
  seq?: number | bigint;
  /** The one with this id, and no other. */
  state?: string;
  /** The last one that was saved at this date or before: `2026-11-29`, which means its end in UTC, or with a time. */
  at?: string;
}

/** A save of a series, as its signed record tells of it. */
export interface Save {
  /** The order of saves is that of their numbers, never that of their dates. */
  number: number;
  /** SHA-256 of its record: 64 hexadecimal digits. */
  recordHash: string;
  /** The state that was saved. */
  stateId: string;
  /** What was made for it. A mark is no bundle: the state before it is still current. */
  kind: 'full' | 'delta' | 'mark';
  /** Size of its bundle, SHA-256 and UUID; null for a mark. */
  size: number | null;
  sha256: string | null;
  uuid: string | null;
  /** A date of RFC 3339 in UTC, the writer and the label; null with a verify key, or if the writer said nothing. */
  date: string | null;
  writer: string | null;
  label: string | null;
}

/** What was seen in copies. */
export interface Remarks {
  /** The series that belong to the key. */
  series: { domainId: string; newest: Save }[];
  /** How many others there are. */
  foreign: number;
  /** The copies. `standing` is null if it is not known which series is meant. `junk`: how many names are none of a series. */
  copies: {
    name: string;
    standing: 'current' | 'behind' | 'empty' | 'withholds' | 'forked' | null;
    newest: Save | null;
    junk: number;
  }[];
  /** Objects that are damaged, that somebody else signed, or that could not be read: the first 100. */
  unfit: { copy: string; name: string; why: string }[];
  unfitMore: number;
  /** Some of the names that are none of a series, with nothing in them that could control a terminal. */
  junk: string[];
}

/** The bundles that lead to a state. */
export interface Found<Path = never> extends Remarks {
  /** The bundles, oldest first. Each was read, and has the hash that a signed record says. Give them to `recover…`, with
   * `save.stateId` as the option `expect`. */
  chain: Source<Path>[];
  domainId: string;
  verifyKey: string;
  /** The save whose state it is. */
  save: Save;
  /** True: this is an older state than the one that was asked for. `leftOut` has the saves that cannot be had: the first
   * 100. Tell people. */
  older: boolean;
  leftOut: { number: number; save: Save | null; why: string }[];
  leftOutMore: number;
}

export interface Lifeboat<Path = never> {
  /**
   * Finds the bundles that lead to the newest state in copies, or to the state that the options choose. A bundle that is
   * missing or damaged is taken from another copy. If no copy has it, and no other way leads to the newest state or to that
   * of a date, the next older state that can be had is given (`older`). With a verify key it finds them, too; `verify` then
   * checks them.
   */
  find(copies: Copies<Path>, key: string, options?: FindOptions): Promise<Found<Path>>;

  /** The saves in copies, the newest first. Returns what was seen. */
  saves(copies: Copies<Path>, key: string, options?: SavesOptions): AsyncGenerator<Save, Remarks, void>;

  /**
   * Checks a bundle or a chain. Without a recovery key, it checks that each byte is what the exporter wrote, that each
   * bundle is complete, and that each leads on from the one before it. Deltas may be checked without their full bundle.
   * It needs little memory, whatever the size.
   */
  verify(chain: Chain<Path>, options: VerifyOptions & { key: string }): Promise<Summary>;
  verify(chain: Chain<Path>, options?: VerifyOptions): Promise<Verified>;

  /** What is inside, opened and proved with the recovery key, as by `verify` with a key. It holds only the deltas. */
  info(chain: Chain<Path>, key: string, options?: Options): Promise<Summary>;
  /** What damaged bundles can still prove, and what is missing. All salvage holds the bundles in memory. */
  info(chain: Chain<Path>, key: string, options: Salvaging<Options>): Promise<Salvaged>;

  /** Recovers the database file, as bytes. It takes about three times the file's size in memory. */
  recover(chain: Chain<Path>, key: string, options?: RecoverOptions): Promise<Recovered & { bytes: Uint8Array }>;
  recover(
    chain: Chain<Path>,
    key: string,
    options: Salvaging<RecoverOptions>,
  ): Promise<SalvagedDatabase & { bytes: Uint8Array }>;

  /**
   * Recovers the database file into a stream. Nothing is written before the whole file is proved. The stream is closed
   * at the end. After any error, it is aborted with that error.
   */
  recoverToStream(
    chain: Chain<Path>,
    key: string,
    stream: WritableStream<Uint8Array>,
    options?: RecoverOptions,
  ): Promise<Recovered>;
  recoverToStream(
    chain: Chain<Path>,
    key: string,
    stream: WritableStream<Uint8Array>,
    options: Salvaging<RecoverOptions>,
  ): Promise<SalvagedDatabase>;

  /**
   * The rows, table by table, in the byte order of the tables' names. It is for databases of any size: only a batch of
   * about 1 MiB and the deltas are held. Each row comes from a chunk that the recovery key opened. But only the end of
   * the iteration, without an error, proves that no row is missing: use a transaction, and commit it then. Returns a
   * summary of what is inside.
   */
  rows(chain: Chain<Path>, key: string, options?: Options): AsyncGenerator<Batch, Summary, void>;
  /** If the schema is missing, `columns` is empty, and rows have all stored values, those of the primary key first. */
  rows(chain: Chain<Path>, key: string, options: Salvaging<Options>): AsyncGenerator<Batch, Salvaged, void>;
}
