// Step 1: the files. Each is checked when it comes (every byte, by the component, without the key); the sound ones are
// sorted into chains.

import { plan } from './chain.js';
import { copiesShown } from './copy.js';
import { $, announce, make, notice } from './dom.js';
import { dropped, sorted } from './folders.js';
import { draw } from './lists.js';
import { explain } from './words.js';
import { Cancelled, start } from './work.js';

/** Bytes at the beginning that are looked at. */
const HEAD = 1024;
const KEY = /^\s*lifeboat(key|write|read)1[a-z0-9\s]*$/i;
const SQLITE = 'SQLite format 3\0';
/** Milliseconds between two drawings while files are being checked. */
const OFTEN = 250;

/** What was chosen: `{ id, file, state: 'waiting' | 'checking' | 'sound' | 'bad', report, title, failure }`. */
let entries = [];
let ids = 0;
/** Copies that were chosen: `{ name, files: [[path, file]] }`. If there are any, they are meant, and not the files. */
let chosenCopies = [];
/** How many folders are being gone through, and how many files were found there. */
let searches = 0;
let filesFound = 0;
/** The chains, and which of them is meant, by the state to which it leads. */
let ends = [];
let unused = [];
let chosen;
let checking;
let drawn = 0;
let on = {};

/** Begins. `changed()`: another chain may be meant. `keyFile(text, name)`: a file holds a key. */
export function begin(listeners) {
  on = listeners;
  for (const [button, field] of [['choose', 'files'], ['choose-folder', 'folder']]) {
    $(button).addEventListener('click', () => $(field).click());
    $(field).addEventListener('change', () => {
      add([...$(field).files]);
      $(field).value = '';
    });
  }
  // A file that is dropped anywhere else would replace the page. Text may be dropped into its fields.
  const hasFiles = event => event.dataTransfer.types.includes('Files');
  addEventListener('dragover', event => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    document.body.classList.add('dropping');
  });
  addEventListener('dragleave', event => {
    if (event.relatedTarget === null) document.body.classList.remove('dropping');
  });
  addEventListener('drop', event => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    document.body.classList.remove('dropping');
    add(dropped(event.dataTransfer));
  });
}

const end = () => ends.find(({ state }) => state === chosen);

/** The files of the chain to recover, oldest first; none while there is no such chain, or files are being checked. */
export const chain = () => (isBusy() || copies() ? undefined : end()?.chain.map(({ entry }) => entry.file));

/** The copies that are meant; none: files are, or folders are still gone through. */
export const copies = () => (searches === 0 && chosenCopies.length > 0 ? chosenCopies : undefined);

/**
 * What is not in that chain, though it may belong to it: `files`, damaged ones and those that do not fit, each with `name` and
 * `why`; and `others`, how many other states the files lead to. `last` is the name of the last bundle of the chain.
 */
export function leftOut() {
  if (copies()) return { files: [], others: 0 };
  const bad = entries.filter(({ state, isOther }) => state === 'bad' && !isOther);
  const misfits = unused.filter(({ why }) => why !== 'not needed').map(({ bundle }) => bundle.entry);
  const files = [
    ...bad.map(({ file, failure }) => ({ name: file.name, why: explain(failure).file ?? 'Cannot be used' })),
    ...misfits.map(({ file }) => ({ name: file.name, why: 'Does not fit' })),
  ];
  return { files, others: Math.max(0, ends.length - 1), last: end()?.chain.at(-1).name };
}

/** Are files still being checked? */
export const isBusy = () => searches > 0 || entries.some(({ state }) => state === 'waiting' || state === 'checking');

/** Forgets all files. */
export function clear() {
  checking?.cancel();
  entries = [];
  chosenCopies = [];
  update();
}

/** Says in place that files are wanted. */
export function ask() {
  const said = isBusy()
    ? notice('bad', 'The files are still being checked', make('p', 'Wait a moment, then try again.'))
    : notice('bad', 'A backup is needed first', make('p', 'Choose the full bundle, and its deltas if there are any; or the folder of a copy.'));
  $('file-lists').prepend(said);
  $('choose').focus();
}

async function add(chosen) {
  $('file-lists').setAttribute('aria-busy', 'true');
  searches += 1;
  const { copies: found, files, skipped } = await sorted(chosen, show).catch(error => ({ copies: [], files: [], skipped: [String(error)] }));
  searches -= 1;
  const isNew = copy => !chosenCopies.some(({ name, files }) => name === copy.name && files.length === copy.files.length);
  chosenCopies.push(...found.filter(isNew));
  for (const file of files) {
    if (entries.some(entry => isSame(entry.file, file))) continue;
    const head = await textOf(file.slice(0, HEAD));
    if (KEY.test(head)) on.keyFile(head, file.name);
    else if (!file.isBeside) entries.push({ id: (ids += 1), file, ...known(head) });
  }
  update();
  if (found.length > 0) announce(document.querySelector('#file-lists .heard').textContent);
  for (const name of skipped) {
    const remedy = 'Choose the folder that a save was made to; there is a folder in it with a name of 32 letters and digits.';
    $('file-lists').prepend(notice('bad', `${name} holds no copy, and too many files`, make('p', remedy)));
  }
  check();
}

/** How far folders are gone through. */
function show(found) {
  filesFound = found;
  if (performance.now() - drawn > OFTEN) update();
}

const isSame = (one, other) =>
  one.name === other.name && one.size === other.size && one.lastModified === other.lastModified;

/** The text of a blob, if it can be read. */
const textOf = blob => blob.text().catch(() => undefined);

/** What a file is that is not a bundle, but that a person would know again. */
function known(head) {
  if (head === undefined) {
    const message = 'it was moved or changed, or it is a folder; choose the file itself';
    return { state: 'bad', failure: { kind: 'host', message } };
  }
  if (!head.startsWith(SQLITE)) return { state: 'waiting' };
  const message = 'any program for SQLite opens it as it is';
  return { state: 'bad', isOther: true, title: 'Not a bundle, but a database', failure: { kind: 'misuse', message } };
}

function remove(entry) {
  const buttons = () => [...document.querySelectorAll('#file-lists button')];
  const at = buttons().indexOf(document.activeElement);
  entries.splice(entries.indexOf(entry), 1);
  if (entry.state === 'checking') checking.cancel();
  update();
  announce(`${entry.file.name} removed`);
  (buttons()[at] ?? buttons().at(-1) ?? $('choose')).focus();
}

/** Checks what waits, one file after the other, in one worker. */
async function check() {
  if (checking) return;
  const waiting = entries.filter(({ state }) => state === 'waiting');
  if (waiting.length === 0) return;
  const tell = told => checked(waiting[told.index], told);
  checking = start('check', { files: waiting.map(({ file }) => file) }, { tell });
  let failure;
  await checking.result.catch(error => {
    if (!(error instanceof Cancelled)) failure = error;
  });
  checking = undefined;
  for (const entry of waiting) {
    // The worker ended before it: either one was removed meanwhile, or it failed.
    if (entry.state === 'checking') entry.state = 'waiting';
    if (failure && entry.state === 'waiting') Object.assign(entry, { state: 'bad', failure });
  }
  update();
  const heard = [...document.querySelectorAll('#file-lists .heard')];
  if (!isBusy()) announce(heard.map(title => title.textContent).join('. '));
  check();
}

/** How far the check of a file is, or how it ended. */
function checked(entry, { done, report, failed }) {
  if (report) Object.assign(entry, { state: 'sound', report });
  else if (failed) Object.assign(entry, { state: 'bad', failure: failed });
  else {
    entry.state = 'checking';
    const bar = $(`bar-${entry.id}`);
    if (bar) bar.value = done / entry.file.size;
    return;
  }
  if (performance.now() - drawn > OFTEN) update();
}

/** Sorts the files anew, and shows them. */
function update() {
  const sound = entries.filter(({ state }) => state === 'sound');
  const sorted = plan(sound.map(entry => ({ entry, name: entry.file.name, report: entry.report })));
  const newest = ({ chain }) => chain.at(-1).entry.file.lastModified;
  ends = sorted.ends.sort((a, b) => newest(b) - newest(a));
  unused = sorted.unused;
  if (!end()) chosen = ends[0]?.state;
  const choose = state => {
    chosen = state;
    update();
  };
  draw($('file-lists'), { entries, ends, end: end(), unused, isCopy: chosenCopies.length > 0 }, { remove, choose });
  const forget = copy => {
    chosenCopies = chosenCopies.filter(other => other !== copy);
    update();
    $('choose-folder').focus();
  };
  if (chosenCopies.length > 0) $('file-lists').prepend(...copiesShown(chosenCopies, { remove: forget }));
  if (searches > 0) {
    $('file-lists').setAttribute('aria-busy', 'true');
    $('file-lists').prepend(make('p', { class: 'hint' }, `Going through folders: ${filesFound.toLocaleString('en')} files so far`));
  }
  drawn = performance.now();
  on.changed();
}
