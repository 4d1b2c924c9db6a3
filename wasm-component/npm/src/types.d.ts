// The types of all entries.

/** A bundle. In Node `string` and `URL` are paths; what can be read only once is read once. */
export type Source<Path = never> =
  Uint8Array | ArrayBuffer | Blob | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array> | Path;

/** A full bundle, or a chain, oldest first: a full bundle and the deltas that lead on from it. */
export type Chain<Path = never> = Source<Path> | readonly Source<Path>[];

/** What a caller would do differently. An interface: these words stay. */
export type Kind =
  /** The key did not make this bundle. Find the right key: the bundle may be sound. */
  | 'wrong key'
  /** The bytes are not what the exporter wrote. Use another copy. */
  | 'corrupt'
  /** The bundle ends too early. Fetch it again. */
  | 'truncated'
  /** Of a revision or with a feature that this version does not know. Update the package. */
  | 'unsupported'
  /** A limit of the format, or the memory here, would be exceeded. */
  | 'too big'
  /** An argument that cannot be, or a file that would be overwritten. Nothing was done. */
  | 'misuse'
  /** Sound, but another state id or verify key than expected, or bundles that are no chain. */
  | 'mismatch'
  /** What is around refused: a file that cannot be read or written, too little memory for the component. */
  | 'host'
  /** Somebody else was quicker: the file was made meanwhile. Try again. */
  | 'busy';

/**
 * What every function here throws, except what is the caller's own: the reason of an aborted signal, and what a given
 * stream, iterable or function throws. No message holds a key or a stored value.
 */
export declare class LifeboatError extends Error {
  constructor(kind: Kind, message: string, options?: { cause?: unknown; bundle?: number; position?: Position });
  readonly kind: Kind;
  /** Which bundle of a chain it is about, where that is known: the full bundle is 1. */
  readonly bundle: number | undefined;
  /** Which item of the bundle it is about, where it is about one. */
  readonly position: Position | undefined;
  /** The message without its kind. */
  get text(): string;
  /** @internal */
  at(where: string | undefined, bundle?: number): LifeboatError;
}

/** Where in a bundle something is. */
export interface Position {
  /** The number of the item: 0 is the header, 1 the first chunk. */
  item: number;
  /** The offset of its first byte. */
  offset: number;
}

/** How far the work is. Told often: keep it short. */
export interface Progress {
  /** `reading` the bundles, in bytes; `building`, one long call, told once before it; `writing` the database, in bytes. */
  phase: 'reading' | 'building' | 'writing';
  done: number;
  /** How many there will be. Not known of streams, nor of building. */
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
  /** The verify key (`lifeboatverify1…`) of the expected signer; else `mismatch`. */
  verifyKey?: string;
}

export interface RecoverOptions extends Options {
  /** `PRAGMA page_size` of the recovered file: a power of two from 512 to 65536; 4096 if not given. */
  pageSize?: number;
  /** Leave out, and list, the indexes that the SQLite inside cannot build: those under a collation of the application, or
   * with a function that this SQLite lacks. */
  skipIndexes?: boolean;
}

/** What a bundle says about itself in public, checked against all of its bytes. */
export interface Report {
  /** Which state the bundle leads to: 64 hexadecimal digits. Equal states have equal ids under one key. */
  stateId: string;
  /** Which state it leads on from; null for a full bundle. */
  baseId: string | null;
  /** Which domain of which recovery key made it: 32 hexadecimal digits, a lasting pseudonym. */
  domainId: string;
  /** Who signed it: `lifeboatverify1…`. */
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

/** What can be said of a bundle or a chain without a key that opens it. */
export interface Verified {
  /** Of the last bundle, the one that leads to the state. */
  report: Report;
  /** Of each bundle, oldest first. */
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
  /** Which part of a database it is, as the one who exported it chose; null for a whole one. */
  selection: Selection | null;
}

/** Which part of a database a state is. The recovered database has that part alone. */
export interface Selection {
  /** These tables alone; null: all. */
  tables: string[] | null;
  /** All but these. */
  exclude: string[];
  /** For some tables, which of their rows: an SQL expression that is true for them. */
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
  /** What to do before the database is used, in words; null where there is nothing to do. */
  advice: string | null;
}

/** Options with which damaged bundles give what they still prove. */
export type Salvaging<O> = Omit<O, 'expect'> & { salvage: true };

/** What damaged bundles still prove, and what is missing. It is no state that anybody exported, so it has no id. */
export interface Salvaged {
  salvaged: true;
  /** Null where the index of the last bundle is damaged. */
  domain: string | null;
  /** Null where the settings are missing, as for the next two. */
  applicationId: number | null;
  userVersion: number | null;
  encoding: Encoding | null;
  /** Null where it is missing. */
  schema: Summary['schema'] | null;
  /** The tables of which rows come back. */
  tables: Summary['tables'];
  /** Null for a whole database, or where it is missing. */
  selection: Selection | null;
  /** The damaged bundles, by their numbers in the chain, from 1: what of them is damaged, and how many chunks. */
  damaged: { bundle: number; header: boolean; chunks: number; index: boolean; footer: boolean }[];
  /** What is missing: the first 10,000 ranges. Empty: everything came back. */
  missing: Missing[];
  /** How many more there are. */
  missingMore: number;
}

/**
 * A range that is missing, and where it was: `items` damaged items of a bundle from `item` on, which begins at `offset`. It
 * is about rows of one table, with keys from `from` to `to`; about a part of the state that is no table; or about all that is
 * between `after` and `before`. Null: from the beginning of the table or the state, up to its end.
 */
export type Missing = { bundle: number; item: number; items: number; offset: number; why: string } & (
  | { table: string; from: RangeKey | null; to: RangeKey | null }
  | { part: StatePart }
  | { after: RangeEnd | null; before: RangeEnd | null }
);

export type StatePart = 'settings' | 'schema' | 'selection';

export type RangeEnd = { part: StatePart } | { table: string; key: RangeKey | null };

/** A rowid, or values of a primary key. It may be cut: to its first values, and a text or blob to its first 32 bytes. */
export type RangeKey = bigint | Value[];

/** A database of what came back. */
export interface SalvagedDatabase extends Built {
  summary: Salvaged;
  /** What `PRAGMA foreign_key_check` finds: a row may refer to one that is missing. */
  foreignKeyCheck: string[];
}

/** Text that is ill-formed in its encoding, so that no string could give it back. */
export declare class IllFormedText {
  constructor(encoding: Encoding, bytes: Uint8Array);
  readonly encoding: Encoding;
  /** The text as it is stored. */
  readonly bytes: Uint8Array;
  /** Something to show: U+FFFD stands for what is ill-formed. */
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
  /** The columns that hold stored values, in the order of the table: all but the generated ones. */
  columns: string[];
  /** In the order of their keys. */
  rows: Row[];
}

export interface Lifeboat<Path = never> {
  /**
   * Checks a bundle or a chain. Without a recovery key: is each byte what the exporter wrote, is each bundle complete, does
   * each lead on from the one before it? Deltas may be checked without their full bundle. Flat memory.
   */
  verify(chain: Chain<Path>, options: VerifyOptions & { key: string }): Promise<Summary>;
  verify(chain: Chain<Path>, options?: VerifyOptions): Promise<Verified>;

  /** What is inside, opened and proved with the recovery key, as `verify` with it. Flat memory, but for the deltas. */
  info(chain: Chain<Path>, key: string, options?: Options): Promise<Summary>;
  /** What damaged bundles still prove, and what is missing. They are held in memory, as for all that salvages. */
  info(chain: Chain<Path>, key: string, options: Salvaging<Options>): Promise<Salvaged>;

  /** Recovers the database file, as bytes. About three times its size in memory. */
  recover(chain: Chain<Path>, key: string, options?: RecoverOptions): Promise<Recovered & { bytes: Uint8Array }>;
  recover(
    chain: Chain<Path>,
    key: string,
    options: Salvaging<RecoverOptions>,
  ): Promise<SalvagedDatabase & { bytes: Uint8Array }>;

  /**
   * Recovers the database file into a stream, of which nothing is written before the whole is proved. The stream is
   * closed at the end; after any error it is aborted with it.
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
   * The rows, table by table in the byte order of their names. For databases of any size: nothing is held but a batch
   * of about 1 MiB and the deltas. Each row comes from a chunk that the recovery key opened, but that none is missing is
   * proved only when the iteration ends without an error: use a transaction, and commit it then. Returns what is inside.
   */
  rows(chain: Chain<Path>, key: string, options?: Options): AsyncGenerator<Batch, Summary, void>;
  /** Where the schema is missing, `columns` is empty, and rows have all stored values, those of the primary key first. */
  rows(chain: Chain<Path>, key: string, options: Salvaging<Options>): AsyncGenerator<Batch, Salvaged, void>;
}
