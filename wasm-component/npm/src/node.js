// The entry for Node: bundles may be paths, and the database a file.

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { lifeboat } from './core.js';
import { checked } from './options.js';
import { fileSink, refuseOwnBundle, sourceFile } from './files.js';

export { IllFormedText, LifeboatError } from './core.js';

/** @typedef {string | URL} Path */

export const { verify, info, recover, recoverToStream, rows } = lifeboat(
  name => readFile(new URL(`../component/${name}`, import.meta.url)),
  (/** @type {Path} */ path) => sourceFile(plain(path)),
);

/** @type {typeof import('./node.js').recoverFile} */
export async function recoverFile(chain, key, path, options) {
  const { replace, ...others } = checked(options);
  const target = plain(path);
  for (const source of Array.isArray(chain) ? chain : [chain]) {
    if (typeof source === 'string' || source instanceof URL) await refuseOwnBundle(plain(source), target);
  }
  const sink = await fileSink(target, replace ?? false);
  try {
    return await recoverToStream(chain, key, new WritableStream(sink), others);
  } catch (error) {
    // A stream that failed by itself has not been aborted.
    await sink.abort();
    throw error;
  }
}

/** @param {Path} path */
const plain = path => (path instanceof URL ? fileURLToPath(path) : path);
