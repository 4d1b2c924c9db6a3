// Stored values as exact values of JavaScript.

import { LifeboatError, call, said } from './error.js';

/** @typedef {import('../component/interfaces/lifeboat-recovery-recovery.js').Batch} WireBatch */
/** @typedef {import('../component/interfaces/lifeboat-recovery-recovery.js').Value} WireValue */
/** @typedef {import('../component/interfaces/lifeboat-recovery-recovery.js').LongValue} LongValue */
/** @typedef {import('../component/interfaces/lifeboat-recovery-recovery.js').Rows} Rows */
/** @typedef {import('../component/interfaces/lifeboat-recovery-recovery.js').Encoding} WireEncoding */
/** @typedef {import('./types.js').Value} Value */

/** The names of the encodings, for SQLite and for `TextDecoder`. */
export const ENCODINGS = /** @type {const} */ ({ utf8: 'UTF-8', utf16le: 'UTF-16le', utf16be: 'UTF-16be' });

/** Text that is ill-formed in its encoding. No string could hold it exactly. */
export class IllFormedText {
  /**
   * @param {import('./types.js').Encoding} encoding
   * @param {Uint8Array} bytes
   */
  constructor(encoding, bytes) {
    /** @readonly */
    this.encoding = encoding;
    /** @readonly */
    this.bytes = bytes;
  }

  /** A text to show: U+FFFD replaces what is ill-formed. */
  toString() {
    return new TextDecoder(this.encoding, { ignoreBOM: true }).decode(this.bytes);
  }
}

/**
 * A batch of rows with its long values, which `rows.pull` gives.
 * @param {WireBatch} batch
 * @param {Pick<Rows, 'pull'>} rows
 * @returns {import('./types.js').Batch}
 */
export function batchOf(batch, rows) {
  const long = () => call(() => rows.pull());
  const converted = batch.rows.map(row => ({
    rowid: row.rowid ?? null,
    values: row.values.map(value => valueOf(value, long)),
  }));
  // There are more rows only after it has said that no value is left.
  if (long() !== undefined) throw unsound('more long values than rows with them');
  return { table: batch.table, columns: batch.columns, rows: converted };
}

/**
 * @param {WireValue} value
 * @param {() => Uint8Array | undefined} pull
 * @returns {Value}
 */
function valueOf(value, pull) {
  switch (value.tag) {
    case 'null':
      return null;
    case 'ill-formed-text':
      return new IllFormedText(ENCODINGS[value.val.encoding], value.val.bytes);
    case 'long':
      return longOf(value.val, pull);
    default:
      return value.val;
  }
}

/**
 * @param {LongValue} value
 * @param {() => Uint8Array | undefined} pull
 * @returns {Value}
 */
function longOf(value, pull) {
  const length = Number(value.length);
  const bytes = allocate(length, 'a value');
  for (let at = 0; at < length;) {
    const piece = pull();
    if (!piece) throw unsound(`a value of ${length} bytes that ends after ${at}`);
    bytes.set(piece, at);
    at += piece.length;
  }
  return value.text ? textOf(ENCODINGS[value.text], bytes) : bytes;
}

/**
 * @param {import('./types.js').Encoding} encoding
 * @param {Uint8Array} bytes
 * @returns {string | IllFormedText}
 */
export function textOf(encoding, bytes) {
  try {
    return new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    // Not every engine says which it is: the text is ill-formed, or it is longer than its strings
    // can be.
    if (!isWellFormed(encoding, bytes)) return new IllFormedText(encoding, bytes);
    const message = `a text of ${bytes.length} bytes is longer than strings can be here: ${said(error)}`;
    throw new LifeboatError('too big', message, { cause: error });
  }
}

/**
 * @param {import('./types.js').Encoding} encoding
 * @param {Uint8Array} bytes
 */
function isWellFormed(encoding, bytes) {
  const decoder = new TextDecoder(encoding, { fatal: true });
  try {
    for (let at = 0; at < bytes.length; at += 1 << 20)
      decoder.decode(bytes.subarray(at, at + (1 << 20)), { stream: true });
    decoder.decode();
    return true;
  } catch {
    return false;
  }
}

/** @param {string} what */
const unsound = what =>
  new LifeboatError('host', `the recovery component gave ${what}; use another copy of this package`);

/**
 * @param {number} length
 * @param {string} what
 * @returns {Uint8Array}
 */
export function allocate(length, what) {
  try {
    return new Uint8Array(length);
  } catch (error) {
    throw new LifeboatError('too big', `there is no memory here for ${what} of ${length} bytes`, { cause: error });
  }
}
