// Keys as they are given. A mistake is told with its remedy, and shows nothing of what was given.

import { misuse } from './error.js';
import { kindOf } from './options.js';

/** @type {[string, string][]} */
const PREFIXES = [
  ['lifeboatkey1', 'a recovery key'],
  ['lifeboatwrite1', 'a write key'],
  ['lifeboatread1', 'a read key'],
  ['lifeboatverify1', 'a verify key'],
];

/**
 * What a text is by its beginning, written in any way: `a recovery key`, `a verify key`.
 * @param {string} text
 */
export function keyIn(text) {
  const compact = text.replace(/\s/g, '').toLowerCase();
  return PREFIXES.find(([prefix]) => compact.includes(prefix))?.[1];
}

/**
 * The text of a key, as far as it can be told here. `forms`: what may be given, for people.
 * @param {unknown} key
 * @param {string} what `recovery key` or `verify key`
 * @param {string} forms
 * @param {string} [place] where the text was found
 * @returns {string}
 */
export function keyText(key, what, forms, place = '') {
  if (typeof key !== 'string') {
    throw misuse(`the ${what} is ${kindOf(key)}; ${forms}, and look at the order of the arguments: (chain, key, options)`);
  }
  if (keyIn(key)) return key;
  throw misuse(`${place}this is not a ${what}: ${expected(key, what)}${place ? '' : `; ${meant(key, forms)}`}`);
}

/**
 * @param {string} key
 * @param {string} what
 */
function expected(key, what) {
  if (key.trim() === '') return 'the text is empty';
  return `it should start with "${what === 'verify key' ? 'lifeboatverify1' : 'lifeboatkey1'}"`;
}

/**
 * @param {string} key
 * @param {string} forms
 */
function meant(key, forms) {
  if (!/[/\\.]/.test(key) || !forms.includes('file:')) return forms;
  const remedy = "for the key in a file, write 'file:PATH', with 'file:' before its path";
  return `${remedy}; for another file, look at the order of the arguments`;
}

/** Where there are no files. */
export const TEXT = 'give the text that backup_keygen() made';

/**
 * A key where there are no files: its text.
 * @param {unknown} key
 * @param {string} what
 * @returns {Promise<string>}
 */
export async function plainKey(key, what) {
  if (typeof key === 'string' && /^(file|env):/.test(key)) throw misuse(`there are no files here for the ${what}; ${TEXT}`);
  return keyText(key, what, TEXT);
}
