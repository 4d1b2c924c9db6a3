// Keys as they are given. An error names the remedy, and shows nothing of what was given.

import { misuse } from './error.js';
import { kindOf } from './options.js';

/** How keys begin, what they are called, and how many characters they have. */
const KINDS = [
  { prefix: 'lifeboatkey1', name: 'recovery key', length: 70 },
  { prefix: 'lifeboatwrite1', name: 'write key', length: 97 },
  { prefix: 'lifeboatread1', name: 'read key', length: 147 },
  { prefix: 'lifeboatverify1', name: 'verify key', length: 73 },
];

/**
 * What a text is, judged by its beginning, however it is written: `a recovery key`, `a verify key`.
 * @param {string} text
 */
export function keyIn(text) {
  const compact = text.replace(/\s/g, '').toLowerCase();
  const kind = KINDS.find(({ prefix }) => compact.includes(prefix));
  return kind && `a ${kind.name}`;
}

/**
 * The text of a key. It is checked as far as that is possible here. `forms`: what may be given, in
 * words for people.
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
  throw misuse(`${place}this is not a ${mistake(key, what)}${place ? '' : `; ${meant(key, forms)}`}`);
}

/**
 * What is wrong with a text, and why. The component says the same about texts that reach it.
 * @param {string} key
 * @param {string} what
 */
function mistake(key, what) {
  const compact = key.replace(/\s/g, '');
  if (compact === '') return `${what}: the text is empty`;
  const kinds = KINDS.filter(({ name }) => (name === 'verify key') === (what === 'verify key'));
  const isTyped = /** @param {{ length: number }} kind */ ({ length }) =>
    Math.abs(compact.length - length) < 3 && /^[a-z0-9]+$/i.test(compact);
  const typed = kinds.filter(isTyped);
  const meant = typed.length ? typed : kinds;
  const beginnings = either(meant.map(({ prefix }) => `"${prefix}"`));
  const why = typed.length
    ? `a character of its beginning is wrong, which should be ${beginnings}; compare it with its copy`
    : `it should start with ${beginnings}`;
  return `${either(meant.map(({ name }) => name))}: ${why}`;
}

/**
 * `a, b or c`.
 * @param {string[]} words
 */
function either(words) {
  const last = words.at(-1) ?? '';
  return words.length > 1 ? `${words.slice(0, -1).join(', ')} or ${last}` : last;
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

/** The forms if there are no files. */
export const TEXT = 'give the text that keygen() made';

/**
 * A key if there are no files: its text.
 * @param {unknown} key
 * @param {string} what
 * @returns {Promise<string>}
 */
export async function plainKey(key, what) {
  if (typeof key === 'string' && /^(file|env):/.test(key)) throw misuse(`there are no files here for the ${what}; ${TEXT}`);
  return keyText(key, what, TEXT);
}
