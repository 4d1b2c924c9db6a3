// Files that a database never replaces, whatever the options say. The extension has the same rules and words.

import { constants } from 'node:fs';
import { lstat, open, stat } from 'node:fs/promises';
import { LifeboatError, misuse, said } from './error.js';

/** @typedef {import('node:fs').Stats} Stats */

/** A file up to this size is searched for a recovery key. */
const SEARCHED = 1 << 20;
/** More bytes than the header of a bundle, of a ledger or of a database has. */
const START = 4096;

const DATABASE = Buffer.from('SQLite format 3\0');
/** How a bundle and a ledger begin. It is the same in every revision. */
const BUNDLE = Buffer.from('\xd9\xd9\xf7\x86\x68lifeboat', 'latin1');
const LEDGER = Buffer.from('\xd9\xd9\xf7\x86\x68lbledger', 'latin1');
/** The first bytes of a write-ahead log, in both byte orders, and of a rollback journal with something to roll back. */
const JOURNALS = ['377f0682', '377f0683', 'd9d505f920a163d7'].map(bytes => Buffer.from(bytes, 'hex'));
const JOURNAL = 'belongs to a database: SQLite would take what is written there for its journal';

/**
 * What is at a path; undefined if there is nothing. It refuses a target that must never be replaced.
 * @param {string} target without links
 * @param {{ sources: string[], keyFile?: string }} reads what is read, and so never replaced
 * @returns {Promise<Stats | undefined>}
 */
export async function refuseNever(target, reads) {
  const unknown = `'${target}' cannot be read, so that nobody can tell what is there`;
  let found;
  let why;
  try {
    found = await lstat(target).catch(missing);
    if (found && !found.isFile()) throw misuse(`'${target}' is ${kindOf(found)}, not a regular file; give the path of a file`);
    why = await whyNever(target, found, reads);
  } catch (error) {
    if (error instanceof LifeboatError) throw error;
    throw new LifeboatError('host', `${unknown}: ${said(error)}; give another path`, { cause: error });
  }
  if (why) throw misuse(`'${target}' ${why}; give another path`);
  for (const journal of [`${target}-journal`, `${target}-wal`]) {
    if (!(await lstat(journal).catch(() => undefined))) continue;
    throw misuse(
      `'${journal}' belongs to a database that was not closed, and SQLite would play it into the new one; ` +
        'close its program, or move the journal away with its database',
    );
  }
  return found;
}

/**
 * @param {string} target
 * @param {Stats | undefined} found
 * @param {{ sources: string[], keyFile?: string }} reads
 * @returns {Promise<string | undefined>}
 */
async function whyNever(target, found, { sources, keyFile }) {
  if (found) {
    if (keyFile !== undefined && (await isSame(found, keyFile))) return 'is the file with the recovery key and is never replaced';
    for (const source of sources) {
      if (await isSame(found, source)) return 'is the target, and a bundle that is read, too, which would be lost';
    }
    const start = await startOf(target, found.size <= SEARCHED ? found.size : START);
    const begins = (/** @type {Buffer} */ bytes) => start.subarray(0, bytes.length).equals(bytes);
    if (JOURNALS.some(begins)) return JOURNAL;
    if (begins(BUNDLE)) return 'is a bundle and is never replaced by a database';
    if (begins(LEDGER)) return 'is a ledger and is never replaced by a database';
    if (!begins(DATABASE) && holdsKey(start)) return 'holds a recovery key and is never replaced';
  }
  const [, database] = /^([^]*)-(?:wal|shm|journal)$/.exec(target) ?? [];
  const beside = database ? await stat(database).catch(() => undefined) : undefined;
  if (beside?.isFile() && (await startOf(database, DATABASE.length)).equals(DATABASE)) return JOURNAL;
  return undefined;
}

/**
 * Whether these bytes hold a secret key, or most of one: as it is made, in groups, or with two bytes for each
 * character.
 * @param {Buffer} bytes
 */
const holdsKey = bytes => /lifeboat(key|write|read)1/i.test(bytes.toString('latin1').replace(/[^0-9a-z]+/gi, ''));

/**
 * @param {Stats} found
 * @param {string} path
 */
async function isSame(found, path) {
  const other = await stat(path).catch(() => undefined);
  return other !== undefined && found.dev === other.dev && found.ino === other.ino;
}

/**
 * The beginning of a file.
 * @param {string} path
 * @param {number} length
 */
async function startOf(path, length) {
  // It may become something else between the two looks. Opening must not wait then.
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const start = Buffer.alloc(length);
    let at = 0;
    for (let read = 1; read > 0 && at < length; at += read) {
      ({ bytesRead: read } = await file.read(start, at, length - at, at));
    }
    return start.subarray(0, at);
  } finally {
    await file.close();
  }
}

/** @param {Stats} found */
function kindOf(found) {
  if (found.isDirectory()) return 'a directory';
  if (found.isFIFO()) return 'a FIFO';
  if (found.isSocket()) return 'a socket';
  return 'a device';
}

/** @param {NodeJS.ErrnoException} error */
function missing(error) {
  if (error.code === 'ENOENT') return undefined;
  throw error;
}
