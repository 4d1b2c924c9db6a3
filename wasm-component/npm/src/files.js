// Files in Node: bundles that are read, and a database file that appears complete or not at all.

import { randomBytes } from 'node:crypto';
import { link, lstat, open, realpath, rename, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { LifeboatError, misuse, said } from './error.js';
import { removeLeftovers, temporaryPath } from './leftovers.js';
import { refuseNever } from './never.js';

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
 * The target of a `WritableStream`: a file that gets its name when the stream is closed. Then it is synced and
 * complete. Until then, it is beside its target as `.NAME.lifeboat-….tmp`. `abort` removes it. `abort` must follow any
 * failure, and may be called twice. If the process is killed, the file stays; the next recovery into the same target
 * removes it.
 * @param {string} path
 * @param {{ replace: boolean, sources: string[], keyFile?: string }} options `sources` and `keyFile`: what is read, and so
 *   never replaced
 */
export async function fileSink(path, { replace, ...reads }) {
  const target = await resolve(path);
  await check(target, replace, reads);
  await removeLeftovers(target);
  const temporary = temporaryPath(target, randomBytes(6).toString('hex'));
  const failed = `'${target}' cannot be written`;
  const file = await or(open(temporary, 'wx', 0o600), `${failed}: its directory must be there and writable`);
  return {
    async write(/** @type {Uint8Array} */ piece) {
      for (let at = 0; at < piece.length;) {
        at += (await or(file.write(piece, at, piece.length - at, null), failed)).bytesWritten;
      }
    },
    async close() {
      if (!replace && (await lstat(target).catch(() => undefined))) throw madeMeanwhile(target);
      // Meanwhile, somebody may have begun to use the target, or may have put another file there.
      const replaced = await check(target, replace, reads);
      if (replaced) {
        await takeOver(file, replaced, target);
        await or(file.chmod(replaced.mode & 0o777), failed);
      }
      await or(file.sync(), failed);
      await file.close();
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
 * The path of the target after all links are followed.
 * @param {string} path
 */
async function resolve(path) {
  if (path === '' || path.includes('\0')) throw misuse('the path of the database is empty, or has a NUL character in it');
  const found = await lstat(path).catch(() => undefined);
  return found?.isSymbolicLink() ? or(realpath(path), `'${path}' cannot be used`) : path;
}

/**
 * Refuses a target if something would be lost.
 * @param {string} target
 * @param {boolean} replace
 * @param {{ sources: string[], keyFile?: string }} reads
 */
async function check(target, replace, reads) {
  const found = await refuseNever(target, reads);
  if (found && !replace) throw misuse(`'${target}' already exists; give another path, or the option replace: true`);
  return found;
}

/**
 * Gives the file to the owner of the file that it replaces.
 * @param {FileHandle} file
 * @param {import('node:fs').Stats} replaced
 * @param {string} target
 */
async function takeOver(file, replaced, target) {
  const { uid, gid } = await or(file.stat(), `'${target}' cannot be written`);
  if (uid === replaced.uid && gid === replaced.gid) return;
  const whose = `'${target}' belongs to user ${replaced.uid} and group ${replaced.gid}, and what replaces it would not`;
  try {
    await file.chown(replaced.uid, replaced.gid);
  } catch (error) {
    const remedy = 'run this as that user, or give another path';
    throw new LifeboatError('host', `${whose} (${said(error)}); ${remedy}`, { cause: error });
  }
}

/** @param {string} target */
const madeMeanwhile = target =>
  new LifeboatError(
    'busy',
    `'${target}' was made meanwhile by somebody else, and was not replaced; try again, or give another path`,
  );

/**
 * Renames to a name that must be free. A link fails in one step if the name is taken. Some file systems have no links.
 * @param {string} temporary
 * @param {string} target
 */
async function putNew(temporary, target) {
  try {
    await link(temporary, target);
  } catch {
    if (await lstat(target).catch(() => undefined)) throw madeMeanwhile(target);
    await or(rename(temporary, target), `'${target}' cannot be written`);
    return;
  }
  // The file is in place. If the second name cannot be removed, that is untidy, but not wrong.
  await unlink(temporary).catch(() => {});
}

/** @param {string} path */
async function syncDirectory(path) {
  // Windows cannot sync directories.
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
