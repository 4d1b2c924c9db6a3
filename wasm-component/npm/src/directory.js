// Copies in directories, in Node.

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { LifeboatError, said } from './error.js';
import { refuseKey } from './pieces.js';

/** How deep the objects of a copy lie below its directory: `<domain id>/log/<13 digits>/…`. */
const DEPTH = 3;

/**
 * The copy in a directory. Only regular files count; no link is followed.
 * @param {string} path
 * @returns {Promise<import('./core.js').Copy>}
 */
export async function sourceDirectory(path) {
  refuseKey(path, 'a copy');
  // As other functions name a store.
  if (typeof path === 'string' && path.startsWith('dir:')) path = path.slice('dir:'.length);
  /** @type {string[]} */
  const names = [];
  await list(path, '', 0, names);
  return { name: `'${path}'`, names, source: name => join(path, name) };
}

/**
 * @param {string} path
 * @param {string} before what stands before the names in this directory
 * @param {number} depth
 * @param {string[]} names
 */
async function list(path, before, depth, names) {
  const entries = await readdir(path, { withFileTypes: true }).catch(error => {
    throw new LifeboatError('host', `the directory '${path}' cannot be listed: ${said(error)}; give the directory of a copy`, {
      cause: error,
    });
  });
  for (const entry of entries) {
    const name = before + entry.name;
    if (entry.isDirectory() && isOfCopy(name, depth)) await list(join(path, entry.name), `${name}/`, depth + 1, names);
    else if (depth === 0 || entry.isFile()) names.push(name);
  }
}

/**
 * Whether a directory is one of a copy.
 * @param {string} name
 * @param {number} depth
 */
function isOfCopy(name, depth) {
  if (depth === 0) return name.length === 32;
  if (depth === 1) return /\/(log|bundles)$/.test(name);
  return depth < DEPTH;
}
