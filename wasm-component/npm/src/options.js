// Options. An unknown name, or a check that asks for nothing, is an error. It is not ignored.

import { misuse } from './error.js';

const NAMES = ['key', 'verifyKey', 'expect', 'progress', 'signal', 'pageSize', 'skipIndexes', 'salvage', 'replace'];

/**
 * @template {object} T
 * @param {T | undefined} options
 * @returns {T}
 */
export function checked(options) {
  if (options === undefined) return /** @type {T} */ ({});
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw misuse('the options are not an object');
  const { key, verifyKey, expect, progress, signal, pageSize, skipIndexes, salvage, replace } =
    /** @type {Record<string, unknown>} */ (options);
  for (const name of Object.keys(options)) {
    if (!NAMES.includes(name))
      throw misuse(`there is no option ${JSON.stringify(name)}; known options: ${NAMES.join(', ')}`);
  }
  for (const [name, value] of Object.entries({ verifyKey, expect })) {
    if (name in options) text(value, `the option ${name}`);
  }
  if ('key' in options && (key === undefined || key === null)) text(key, 'the option key');
  if (progress !== undefined && typeof progress !== 'function') throw misuse('the option progress is not a function');
  if (signal !== undefined && typeof (/** @type {AbortSignal} */ (signal)?.aborted) !== 'boolean')
    throw misuse('the option signal is not an AbortSignal');
  // Otherwise the glue would cut the number down to 32 bits. The component says which of these
  // sizes are right.
  if (
    pageSize !== undefined &&
    !(typeof pageSize === 'number' && pageSize >= 0 && pageSize <= 65536 && Number.isInteger(pageSize))
  ) {
    throw misuse('the option pageSize is not a power of two from 512 to 65536');
  }
  for (const [name, value] of Object.entries({ skipIndexes, salvage, replace })) {
    if (value !== undefined && typeof value !== 'boolean') throw misuse(`the option ${name} is neither true nor false`);
  }
  if (salvage && expect !== undefined)
    throw misuse('the options salvage and expect exclude one another: what is salvaged has the id of no state');
  return options;
}

/**
 * @param {unknown} value
 * @param {string} what
 * @returns {string}
 */
export function text(value, what) {
  if (typeof value === 'string') return value;
  throw misuse(`${what} is ${kindOf(value)}; it is given as a string, or left out`);
}

/**
 * The type of what was given, but never the value: it may be a key in another form.
 * @param {unknown} value
 */
export function kindOf(value) {
  if (value === undefined || value === null) return String(value);
  return `of the type ${typeof value}`;
}
