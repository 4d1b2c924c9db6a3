// The entry for browsers: the core modules are fetched from the directory of this file.

import { lifeboat } from './core.js';
import { LifeboatError } from './error.js';

export { IllFormedText, LifeboatError } from './core.js';

// The names are written out, so that bundlers see which files are needed.
/** @type {Record<string, URL>} */
const FILES = {
  'recovery.core.wasm': new URL('../component/recovery.core.wasm', import.meta.url),
  'recovery.core2.wasm': new URL('../component/recovery.core2.wasm', import.meta.url),
  'recovery.core3.wasm': new URL('../component/recovery.core3.wasm', import.meta.url),
};

export const { verify, info, recover, recoverToStream, rows, find, saves } = lifeboat(async name => {
  const response = await fetch(FILES[name]);
  if (response.ok) return response.arrayBuffer();
  throw new LifeboatError('host', `${name} cannot be fetched: ${response.status} ${response.statusText}`);
});
