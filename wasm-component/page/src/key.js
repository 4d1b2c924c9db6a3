// Step 2: the recovery key. It stays in its field, and goes from there to workers of this page, nowhere else.

import { $ } from './dom.js';
import { chain } from './files.js';
import { Cancelled, start } from './work.js';

/** How many characters a key has, by its beginning. */
const LENGTHS = { lifeboatkey1: 70, lifeboatwrite1: 97, lifeboatread1: 147 };
/** More than the head of a bundle, which tells whether a key made it. */
const HEAD = 4096;

let checking;
let timer;
let verdict;
/** Which file it was taken from, for people. */
let origin = '';
let on = {};

/** Begins. `changed()`: the key or the expected state is another one. `checked()`: something is known of the key. */
export function begin(listeners) {
  on = listeners;
  const field = $('key');
  field.addEventListener('input', () => {
    origin = '';
    say();
    on.changed();
    clearTimeout(timer);
    if (key().length >= LENGTHS[beginning(key()) ?? 'lifeboatkey1']) timer = setTimeout(check, 150);
  });
  field.addEventListener('change', () => check());
  $('expect').addEventListener('input', () => {
    $('expect').removeAttribute('aria-invalid');
    $('expect-says').textContent = '';
    on.changed();
  });
  $('show').addEventListener('click', () => reveal(field.type === 'password'));
  $('forget').addEventListener('click', () => {
    clear();
    on.changed();
    field.focus();
  });
}

/** The key without the spaces that help to read it from paper. */
export const key = () => $('key').value.replace(/\s/g, '');

/**
 * The input of a piece of work, with the key: it is taken from its field when the work starts. Whoever kept it for later,
 * with a button, would keep it when it is cleared.
 */
export const withKey = input => ({ ...input, key: key() });

/** The expected state id, if one was given. */
export const expect = () => $('expect').value.replace(/\s/g, '').toLowerCase() || undefined;

/** Is the key known to be one, and not to be another's? */
export const isGood = () => verdict === 'good';

/** Puts a key there that a file held. */
export function set(text, name) {
  $('key').value = text.trim();
  origin = `Taken from ${name}. `;
  return check();
}

/** Forgets the key and the expected state. */
export function clear() {
  $('key').value = origin = '';
  $('expect').value = '';
  reveal(false);
  say();
}

/** Checks the key, as far as it can be told: its checksum and, when files are there, whether it made them. */
export async function check() {
  clearTimeout(timer);
  checking?.cancel();
  if (key() === '') return say();
  const full = chain()?.[0];
  checking = start('key', { key: key(), head: full?.slice(0, HEAD) });
  try {
    const { kind, message } = await checking.result;
    if (kind === 'misuse') say('bad', `${sentence(message)}${hints(key())}`);
    else if (kind === 'wrong key')
      say(
        'bad',
        `${origin}Typed without a mistake, but it is not the key of ${full.name}. Look for another key.`,
      );
    else if (kind === 'truncated')
      say('good', `${origin}${full ? '✓ This key made these files.' : '✓ Typed without a mistake.'}`);
    else say('bad', sentence(message));
  } catch (error) {
    if (!(error instanceof Cancelled)) say('bad', sentence(error.message));
  }
}

/** Checks what a person can mistype before work begins; false: it is marked, and has the focus. */
export async function isReady() {
  await check();
  if (key() === '') say('bad', 'Enter the recovery key first.');
  if (verdict !== 'good') {
    $('key').focus();
    return false;
  }
  if (expect() !== undefined && !/^[0-9a-f]{64}$/.test(expect())) {
    $('expect').setAttribute('aria-invalid', 'true');
    $('expect-says').className = 'says bad';
    $('expect-says').textContent = `A state id has 64 characters, 0 to 9 and a to f; this has ${expect().length}.`;
    $('expect').focus();
    return false;
  }
  return true;
}

function say(look, text = '') {
  verdict = look;
  $('key-says').className = `says ${look ?? ''}`;
  $('key-says').textContent = text;
  $('key').toggleAttribute('aria-invalid', false);
  if (look === 'bad') $('key').setAttribute('aria-invalid', 'true');
  on.checked?.();
}

function reveal(isShown) {
  $('key').type = isShown ? 'text' : 'password';
  $('show').firstChild.data = isShown ? 'Hide' : 'Show';
}

const beginning = text => Object.keys(LENGTHS).find(prefix => text.toLowerCase().startsWith(prefix));

/** What may help to find a mistake: the component tells that there is one, but never what was typed. */
function hints(text) {
  const said = [];
  const begins = beginning(text);
  const length = LENGTHS[begins ?? 'lifeboatkey1'];
  if (text.length !== length) said.push(`It has ${text.length} characters instead of ${length}.`);
  const strange = begins ? [...new Set(text.slice(begins.length).match(/[^ac-hj-np-z02-9]/gi) ?? [])] : [];
  if (strange.length > 0)
    said.push(`After “${begins}” there is never ${strange.map(character => `“${character}”`).join(' or ')}.`);
  return said.length > 0 ? ` ${said.join(' ')}` : '';
}

const sentence = text => `${text[0].toUpperCase()}${text.slice(1)}.`;
