// Step 1: the files. Each is checked when it comes (every byte, by the component, without the key); the sound ones are sorted into chains.

import { plan } from './chain.js';
import { $, announce, make, notice } from './dom.js';
import { Cancelled, start } from './work.js';
import { brief, count, explain, size } from './words.js';

const KEY = /^\s*lifeboatkey1[a-z0-9\s]*$/i;
const SQLITE = 'SQLite format 3\0';

/** What was chosen: `{ id, file, state: 'waiting' | 'checking' | 'sound' | 'bad', report, failure }`. */
let entries = [];
let ids = 0;
let ends = [];
let chosen;
let checking;
let on = {};

/** Begins. `changed()` is called when another chain may be meant; `keyFile(text, name)` when a file holds a key. */
export function begin(listeners) {
  on = listeners;
  $('choose').addEventListener('click', () => $('files').click());
  $('files').addEventListener('change', () => {
    add([...$('files').files]);
    $('files').value = '';
  });
  // A file that is dropped beside the field would else replace the page.
  addEventListener('dragover', event => {
    event.preventDefault();
    document.body.classList.add('dropping');
  });
  addEventListener('dragleave', event => {
    if (event.relatedTarget === null) document.body.classList.remove('dropping');
  });
  addEventListener('drop', event => {
    event.preventDefault();
    document.body.classList.remove('dropping');
    add([...event.dataTransfer.files]);
  });
}

/** The files of the chain to recover, oldest first; none while there is no such chain, or files are still being checked. */
export const chain = () => (isBusy() ? undefined : ends.find(({ state }) => state === chosen)?.chain.map(({ entry }) => entry.file));

/** Are files still being checked? */
export const isBusy = () => entries.some(({ state }) => state === 'waiting' || state === 'checking');

/** Forgets all files. */
export function clear() {
  checking?.cancel();
  entries = [];
  update();
}

/** Says in place that files are wanted. */
export function ask() {
  const wait = isBusy();
  const title = wait ? 'The files are still being checked' : 'A backup is needed first';
  $('file-lists').prepend(notice('bad', title, make('p', {}, wait ? 'Wait a moment, then try again.' : 'Choose the full bundle, and the deltas that were made after it if there are any.')));
  $('choose').focus();
}

async function add(files) {
  for (const file of files) {
    if (entries.some(entry => entry.file.name === file.name && entry.file.size === file.size && entry.file.lastModified === file.lastModified)) continue;
    const text = file.size <= 1024 ? await file.text().catch(() => '') : '';
    if (KEY.test(text)) on.keyFile(text, file.name);
    else entries.push({ id: (ids += 1), file, state: 'waiting' });
  }
  update();
  check();
}

function remove(entry) {
  const at = entries.indexOf(entry);
  entries.splice(at, 1);
  if (entry.state === 'checking') checking.cancel();
  update();
  announce(`${entry.file.name} removed`);
  (document.querySelectorAll('#file-lists button')[at] ?? $('choose')).focus();
}

/** Checks what waits, one file after the other, in one worker. */
async function check() {
  if (checking) return;
  const waiting = entries.filter(({ state }) => state === 'waiting');
  if (waiting.length === 0) return;
  checking = start('check', { files: waiting.map(({ file }) => file) }, {
    tell({ index, done, report, failed }) {
      const entry = waiting[index];
      if (report) Object.assign(entry, { state: 'sound', report });
      else if (failed) Object.assign(entry, { state: 'bad', failure: failed });
      else {
        entry.state = 'checking';
        const bar = $(`bar-${entry.id}`);
        if (bar) bar.value = done / entry.file.size;
        return;
      }
      if (entries.includes(entry)) update();
    },
  });
  let failure;
  await checking.result.catch(error => { if (!(error instanceof Cancelled)) failure = error; });
  checking = undefined;
  for (const entry of waiting) {
    if (entry.state === 'checking') entry.state = 'waiting';
    if (failure && entry.state === 'waiting') Object.assign(entry, { state: 'bad', failure });
  }
  for (const entry of waiting) if (entry.state === 'bad') await lookAt(entry);
  update();
  if (!isBusy()) announce($('file-lists').querySelector('.heard')?.textContent ?? '');
  check();
}

/** A file that is no bundle may be something that a person would know again. */
async function lookAt(entry) {
  const head = await entry.file.slice(0, 16).text().catch(() => undefined);
  if (head === SQLITE) entry.failure = { kind: 'corrupt', message: 'this is a SQLite database, not a bundle: any program for SQLite opens it as it is' };
  if (head === undefined) entry.failure = { kind: 'host', message: 'it cannot be read: it was moved or changed, or it is a folder; choose the files themselves' };
}

function update() {
  const sound = entries.filter(({ state }) => state === 'sound');
  const sorted = plan(sound.map(entry => ({ entry, name: entry.file.name, report: entry.report })));
  const newest = end => end.chain.at(-1).entry.file.lastModified;
  ends = sorted.ends.sort((a, b) => newest(b) - newest(a));
  if (!ends.some(({ state }) => state === chosen)) chosen = ends[0]?.state;
  draw(sorted.unused);
  on.changed();
}

function draw(unused) {
  const focused = document.activeElement?.id;
  const busy = entries.filter(({ state }) => state === 'waiting' || state === 'checking');
  const bad = entries.filter(({ state }) => state === 'bad');
  const misfits = unused.filter(({ why }) => why !== 'not needed');
  const spare = unused.filter(({ why }) => why === 'not needed');
  const end = ends.find(({ state }) => state === chosen);
  $('file-lists').replaceChildren(...[
    busy.length > 0 && group(`Checking ${count(busy.length, 'file')}`, '', busy.map(entry => item(entry, size(entry.file.size), true))),
    ends.length > 1 && choice(),
    end && group(...titleOf(end), end.chain.map(({ entry }, index) => item(entry, `${index === 0 ? 'Full bundle' : `Delta ${index}`}, ${size(entry.file.size)}, undamaged`)), true),
    ends.length === 0 && misfits.length > 0 && missing(misfits),
    (bad.length > 0 || (ends.length > 0 && misfits.length > 0)) && refusals(bad, ends.length > 0 ? misfits : []),
    spare.length > 0 && group('Not needed', 'Their states are reached without them.', spare.map(({ bundle: { entry } }) => item(entry, size(entry.file.size)))),
  ].flat().filter(Boolean));
  if (focused) $(focused)?.focus();
}

function titleOf({ state, chain }) {
  const deltas = chain.length - 1;
  const title = deltas === 0 ? 'A full bundle' : `A chain: a full bundle and ${count(deltas, 'delta')}`;
  return [`${title}, complete and undamaged`, `It leads to the state ${brief(state)}`];
}

/** A titled list of files. */
function group(title, about, items, isOrdered = false) {
  return [
    make('h3', { class: 'list-title heard' }, title),
    about && make('p', { class: 'hint' }, about),
    make(isOrdered ? 'ol' : 'ul', { class: 'files', role: 'list' }, items),
  ];
}

function item(entry, about, isBusyItem = false) {
  const name = entry.file.name;
  const waits = isBusyItem && make('progress', { id: `bar-${entry.id}`, value: '0', max: '1', 'aria-label': `Checking ${name}` });
  return make('li', {},
    make('div', { class: 'what' }, make('div', { class: 'title' }, name), make('div', { class: 'about' }, about), waits),
    make('button', { type: 'button', class: 'quiet', id: `remove-${entry.id}`, click: () => remove(entry) }, 'Remove', make('span', { class: 'unseen' }, ` ${name}`)));
}

/** Several states can be recovered: which one? */
function choice() {
  const date = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
  const options = ends.map(({ state, chain: found }) => {
    const last = found.at(-1).entry.file;
    const how = found.length === 1 ? 'full bundle' : `full bundle and ${count(found.length - 1, 'delta')}`;
    const input = make('input', { type: 'radio', name: 'end', id: `end-${state}`, checked: state === chosen, change: () => { chosen = state; update(); } });
    return make('label', { class: 'choice' }, input, make('span', {}, make('strong', {}, last.name), make('span', { class: 'hint' }, `${how}; file of ${date.format(last.lastModified)}; state ${brief(state)}`)));
  });
  return make('fieldset', {}, make('legend', { class: 'heard' }, `These files lead to ${ends.length} different states. Which do you want?`), options);
}

/** Deltas without their beginning. */
function missing(misfits) {
  const states = [...new Set(misfits.filter(({ why }) => why === 'no base').map(misfit => misfit.missing))];
  const title = 'The full bundle is missing';
  return [
    notice('bad', title, make('p', { class: 'heard' }, misfits.length === 1 ? 'This file is sound, but it is a delta: it holds only what changed.' : 'These files are sound, but they are deltas: they hold only what changed.'),
      states.map(state => make('p', {}, 'Add the bundle that leads to the state ', make('code', {}, state), ', and all that it leads on from.'))),
    make('ul', { class: 'files', role: 'list' }, misfits.map(({ bundle: { entry } }) => item(entry, `Delta, ${size(entry.file.size)}`))),
  ];
}

/** Files that are damaged, or do not fit. */
function refusals(bad, misfits) {
  const reasons = {
    'no base': ({ missing: state }) => `Does not fit: the bundle that leads to the state ${brief(state)} is not here. What comes after it cannot be recovered.`,
    after: ({ after }) => `Does not fit: it comes after ${after.name}.`,
  };
  const words = ({ failure }) => make('span', { class: 'bad' }, `${explain(failure).title}: ${failure.message}. `);
  return group(`${count(bad.length + misfits.length, 'file')} cannot be used`, '', [
    ...bad.map(entry => item(entry, make('span', {}, words(entry), remedyOf(entry)))),
    ...misfits.map(misfit => item(misfit.bundle.entry, make('span', { class: 'bad' }, reasons[misfit.why](misfit)))),
  ]);
}

const remedyOf = ({ failure }) => (failure.kind === 'host' ? '' : explain(failure).remedy);
