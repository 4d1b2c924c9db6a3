// Options: a name that is none, or a check that asks for nothing, is told rather than passed over.

import { misuse } from './error.js';

const NAMES = ['key', 'verifyKey', 'expect', 'progress', 'signal', 'pageSize', 'replace'];

/**
 * @template {object} T
 * @param {T | undefined} options
 * @returns {T}
 */
export function checked(options) {
  if (options === undefined) return /** @type {T} */ ({});
  if (typeof options !== 'object' || options === null) throw misuse('the options are no object');
  const { key, verifyKey, expect, progress, signal, pageSize, replace } = /** @type {Record<string, unknown>} */ (
    options
  );
  for (const name of Object.keys(options)) {
    if (!NAMES.includes(name))
      throw misuse(`there is no option ${JSON.stringify(name)}; there are ${NAMES.join(', ')}`);
  }
  for (const [name, value] of Object.entries({ key, verifyKey, expect })) {
    if (name in options) text(value, `the option ${name}`);
  }
  if (progress !== undefined && typeof progress !== 'function') throw misuse('the option progress is no function');
  if (signal !== undefined && typeof (/** @type {AbortSignal} */ (signal)?.aborted) !== 'boolean')
    throw misuse('the option signal is no AbortSignal');
  // Else the glue would cut it down to 32 bits. Which of these sizes are right, the component says.
  if (
    pageSize !== undefined &&
    !(typeof pageSize === 'number' && pageSize >= 0 && pageSize <= 65536 && Number.isInteger(pageSize))
  ) {
    throw misuse('the option pageSize is no power of two from 512 to 65536');
  }
  if (replace !== undefined && typeof replace !== 'boolean')
    throw misuse('the option replace is neither true nor false');
  return options;
}

/**
 * @param {unknown} value
 * @param {string} what
 * @returns {string}
 */
export function text(value, what) {
  if (typeof value === 'string') return value;
  // Never the value: it may be a key in another shape.
  const given = value === null ? 'null' : typeof value;
  throw misuse(
    `${what} is ${given === 'undefined' ? 'undefined' : `of the type ${given}`}; it is given as a string, or left out`,
  );
}
