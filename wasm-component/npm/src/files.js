// Files in Node: bundles that are read, and a database that appears complete or not at all.

import { randomBytes } from 'node:crypto';
import { link, lstat, open, realpath, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { LifeboatError, misuse, said } from './error.js';

/** @typedef {import('node:fs/promises').FileHandle} FileHandle */

/**
 * A bundle in a file.
 * @param {string} path
 * @returns {Promise<import('./core.js').Bundle>}
 */
export async function sourceFile(path) {
  const name = `'${path}'`;
  const found = await or(stat(path), `${name} cannot be read`);
  if (found.isDirectory()) throw misuse(`${name} is a directory; give the path of a bundle`);
  return { name, size: found.isFile() ? found.size : undefined, read: () => content(path, name) };
}

/**
 * @param {string} path
 * @param {string} name
 */
async function* content(path, name) {
  const file = await or(open(path), `${name} cannot be read`);
  try {
    const buffer = new Uint8Array(1 << 20);
    for (;;) {
      const { bytesRead } = await or(file.read(buffer, 0, buffer.length, null), `${name} cannot be read`);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

/**
 * The database does not take the place of a bundle that it is made from, whatever the options say.
 * @param {string} bundle
 * @param {string} target
 */
export async function refuseOwnBundle(bundle, target) {
  const [one, other] = await Promise.all([bundle, target].map(path => stat(path).catch(() => undefined)));
  if (one && other && one.dev === other.dev && one.ino === other.ino) {
    throw misuse(
      `'${target}' is the target and a bundle that is recovered, too, which would be lost; give another path`,
    );
  }
}

/**
 * Where a `WritableStream` writes: a file that gets its name when the stream is closed, synced and complete. Until then it
 * lies beside its target as `.NAME.lifeboat-….tmp`; after `abort`, which must follow any failure and may come twice, it is
 * gone. Only a process that is killed leaves it behind, and then it can be deleted at any time.
 * @param {string} path
 * @param {boolean} replace
 */
export async function fileSink(path, replace) {
  const target = await resolve(path);
  const mode = await refuse(target, replace);
  const unique = `${process.pid}-${randomBytes(6).toString('hex')}`;
  const temporary = join(dirname(target), `.${basename(target)}.lifeboat-${unique}.tmp`);
  const failed = `'${target}' cannot be written`;
  const file = await or(open(temporary, 'wx', 0o600), `${failed}: its directory must be there and writable`);
  return {
    async write(/** @type {Uint8Array} */ piece) {
      for (let at = 0; at < piece.length;) {
        at += (await or(file.write(piece, at, piece.length - at, null), failed)).bytesWritten;
      }
    },
    async close() {
      if (mode !== undefined) await or(file.chmod(mode), failed);
      await or(file.sync(), failed);
      await file.close();
      // Somebody may have begun to use the target meanwhile.
      await refuse(target, replace);
      await (replace ? or(rename(temporary, target), failed) : putNew(temporary, target));
      const lost = 'its directory cannot be synced; it may be gone after a power failure';
      await or(syncDirectory(dirname(target)), `'${target}' is complete, but ${lost}`);
    },
    async abort() {
      await file.close().catch(() => {});
      await unlink(temporary).catch(() => {});
    },
  };
}

/**
 * The target itself, with links followed.
 * @param {string} path
 */
async function resolve(path) {
  if (typeof path !== 'string' || path === '') throw misuse('the target is no path of a file');
  const found = await lstat(path).catch(() => undefined);
  return found?.isSymbolicLink() ? or(realpath(path), `'${path}' cannot be used`) : path;
}

/**
 * Refuses a target that would be lost, or that would be spoilt by a journal beside it.
 * @param {string} target
 * @param {boolean} replace
 * @returns {Promise<number | undefined>} the permissions of the file that is replaced
 */
async function refuse(target, replace) {
  const found = await lstat(target).catch(() => undefined);
  if (found && !replace) throw occupied(target);
  if (found && !found.isFile()) throw misuse(`'${target}' is no ordinary file; give another path`);
  for (const journal of [`${target}-journal`, `${target}-wal`]) {
    if (!(await lstat(journal).catch(() => undefined))) continue;
    throw misuse(
      `'${journal}' belongs to a database that was not closed, and SQLite would play it into the new one; ` +
        'close its program, or move the journal away with its database',
    );
  }
  return found ? found.mode & 0o7777 : undefined;
}

/** @param {string} target */
const occupied = target =>
  misuse(`'${target}' is there and is not overwritten; give another path, or the option replace: true`);

/**
 * Renames to a name that must be free. A link fails where the name is taken, in one step; some file systems have none.
 * @param {string} temporary
 * @param {string} target
 */
async function putNew(temporary, target) {
  try {
    await link(temporary, target);
  } catch {
    if (await lstat(target).catch(() => undefined)) throw occupied(target);
    await or(rename(temporary, target), `'${target}' cannot be written`);
    return;
  }
  // The file is in place: a second name that cannot be removed is untidy, not wrong.
  await unlink(temporary).catch(() => {});
}

/** @param {string} path */
async function syncDirectory(path) {
  // Windows syncs no directories.
  if (process.platform === 'win32') return;
  const directory = await open(path);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/**
 * @template T
 * @param {Promise<T>} promise
 * @param {string} message
 * @returns {Promise<T>}
 */
async function or(promise, message) {
  try {
    return await promise;
  } catch (error) {
    throw new LifeboatError('host', `${message}: ${said(error)}`, { cause: error });
  }
}
