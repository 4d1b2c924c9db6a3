// The entry for Node: bundles may be paths, keys may be in files, and the database is a file.

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { lifeboat } from './core.js';
import { LifeboatError, misuse } from './error.js';
import { sourceDirectory } from './directory.js';
import { fileSink, sourceFile } from './files.js';
import { TEXT, keyText } from './key.js';
import { checked, kindOf } from './options.js';
import { refuseKey } from './pieces.js';

export { IllFormedText, LifeboatError } from './core.js';

/** @typedef {string | URL} Path */

const FORMS = `${TEXT}, or 'file:PATH', or 'env:NAME'`;

export const { verify, info, recover, recoverToStream, rows, find, saves } = lifeboat(
  name => readFile(new URL(`../component/${name}`, import.meta.url)),
  (/** @type {Path} */ path) => sourceFile(plain(path)),
  async (key, what) => (await keyOf(key, what)).text,
  (/** @type {Path} */ path) => sourceDirectory(plain(path)),
);

/**
 * See node.d.ts.
 * @param {import('./types.js').Chain<Path>} chain
 * @param {string} key
 * @param {Path} path
 * @param {import('./types.js').RecoverOptions & { salvage?: boolean, replace?: boolean }} [options]
 * @returns {Promise<any>} what was recovered, or what was salvaged
 */
export async function recoverFile(chain, key, path, options) {
  const { replace, ...others } = checked(options);
  if (typeof path !== 'string' && !(path instanceof URL)) {
    throw misuse(`the path of the database is ${kindOf(path)}; look at the order of the arguments: (chain, key, path, options)`);
  }
  refuseKey(path, 'the database');
  const sources = (Array.isArray(chain) ? chain : [chain]).filter(isPath).map(plain);
  for (const source of sources) refuseKey(source, 'a bundle');
  const { text, file } = await keyOf(key, 'recovery key');
  const sink = await fileSink(plain(path), { replace: replace ?? false, sources, keyFile: file });
  try {
    return await recoverToStream(chain, text, new WritableStream(sink), others);
  } catch (error) {
    // If the stream itself failed, it was not aborted yet.
    await sink.abort();
    throw error;
  }
}

/**
 * The text of a key, and the file that holds it.
 * @param {unknown} key
 * @param {string} what
 * @returns {Promise<{ text: string, file?: string }>}
 */
async function keyOf(key, what) {
  const [, form, rest] = /^(file|env):([^]*)$/.exec(typeof key === 'string' ? key : '') ?? [];
  if (form === 'env') {
    const text = process.env[rest];
    if (text !== undefined) return { text: keyText(text, what, FORMS, `the environment variable '${rest}': `) };
    throw new LifeboatError('host', `the environment variable '${rest}' that should hold the key is not set in this process`);
  }
  if (form !== 'file') return { text: keyText(key, what, FORMS) };
  // As in SQL, a path follows `file:`. A complete file URL is a path, too.
  const file = rest.startsWith('///') ? fileURLToPath(`file:${rest}`) : rest;
  const text = await readFile(file, 'utf8').catch(error => {
    throw new LifeboatError('host', `the key's file '${file}' cannot be read: ${error.message}`, { cause: error });
  });
  return { text: keyText(text, what, FORMS, `the key's file '${file}': `), file };
}

/**
 * @param {unknown} source
 * @returns {source is Path}
 */
const isPath = source => typeof source === 'string' || source instanceof URL;

/** @param {Path} path */
const plain = path => {
  if (!(path instanceof URL)) return path;
  if (path.protocol === 'file:') return fileURLToPath(path);
  throw misuse(`a URL of the form ${path.protocol} is not the path of a file`);
};
